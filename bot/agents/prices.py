"""What tokens cost, for programs that tell how many there were and no money: by list prices, from a maintained table.

What is really paid may be another sum: a subscription, a discount, a faster tier, a price that changed after the table
was made. So it is kept apart from what programs tell themselves (`bot.model.session.Spend.reckoned_usd`) and called
what it is wherever people read it. It is reckoned for each answer of the model by itself, since some prices depend on
how much one answer has read.

The table takes a quarter of a second to import, so it is imported when a program needs it.
"""

from __future__ import annotations

from datetime import datetime


def list_price(model: str, read: int, cached: int, written: int, at: datetime) -> float | None:
    """US dollars for one answer of `model`: tokens `read`, of which `cached` came from its provider's cache, and tokens
    `written`. None where the table does not know the model. The name may begin with that of a provider."""
    from genai_prices import Usage, calc_price

    if min(read, cached, written) < 0:
        return None
    usage = Usage(input_tokens=read, cache_read_tokens=min(cached, read), output_tokens=written)
    for name in dict.fromkeys((model, model.rpartition("/")[2])):
        try:
            return float(calc_price(usage, name, genai_request_timestamp=at).total_price)
        except LookupError:
            continue
    return None


def prepare() -> None:
    """Import the table, for which the first answer of a model would have to wait otherwise."""
    import genai_prices  # noqa: F401
