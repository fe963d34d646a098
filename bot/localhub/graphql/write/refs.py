"""Mutations of refs. `updateRefs` moves several at once, all or none, each from where it is said to be."""

from collections.abc import Mapping

from bot.localhub.git.bare import ZERO, RefUpdate
from bot.localhub.graphql.ask import Ask
from bot.localhub.graphql.read.git_objects import GitRef
from bot.localhub.graphql.registry import Arguments
from bot.localhub.graphql.write.mutation import Input, mutation, the
from bot.localhub.model.actor import Role, require
from bot.localhub.model.errors import Validation
from bot.localhub.model.refs import check_name, create_ref, delete_ref, move_refs, update_ref
from bot.localhub.model.repository import Repository


class CreateRef(Input):
    repository_id: str
    name: str
    oid: str


@mutation("createRef", CreateRef)
async def _create(ask: Ask, given: CreateRef) -> Mapping[str, object]:
    repository = await the(ask, Repository, given.repository_id)
    await create_ref(repository, ask.actor, given.name, given.oid)
    return {"ref": GitRef(repository, given.name, given.oid)}


class UpdateRef(Input):
    ref_id: str
    oid: str
    force: bool | None = None


@mutation("updateRef", UpdateRef)
async def _update(ask: Ask, given: UpdateRef) -> Mapping[str, object]:
    ref = await the(ask, GitRef, given.ref_id)
    await update_ref(ref.repository, ask.actor, ref.name, given.oid, force=bool(given.force))
    return {"ref": GitRef(ref.repository, ref.name, given.oid)}


class DeleteRef(Input):
    ref_id: str


@mutation("deleteRef", DeleteRef)
async def _delete(ask: Ask, given: DeleteRef) -> Mapping[str, object]:
    ref = await the(ask, GitRef, given.ref_id)
    await delete_ref(ref.repository, ask.actor, ref.name)
    return {}


class Move(Arguments):
    """One ref to move. `beforeOid` of zeros: it must not exist; not given: wherever it is."""

    name: str
    after_oid: str
    before_oid: str | None = None
    force: bool | None = None


class UpdateRefs(Input):
    repository_id: str
    ref_updates: list[Move]


@mutation("updateRefs", UpdateRefs)
async def _update_all(ask: Ask, given: UpdateRefs) -> Mapping[str, object]:
    repository = await the(ask, Repository, given.repository_id)
    require(ask.actor, repository, role=Role.WRITE, permissions=("contents",))
    for move in given.ref_updates:
        check_name(move.name)
        await _check(repository, move)
    updates = [RefUpdate(move.name, move.after_oid, move.before_oid) for move in given.ref_updates]
    await move_refs(repository, ask.actor, updates, refused="Reference update failed: a ref is not at its beforeOid")
    return {}


async def _check(repository: Repository, move: Move) -> None:
    """The object must be there, and without `force` the move must be a fast-forward."""
    if move.after_oid == ZERO:
        return
    kind = await repository.git.kind(move.after_oid)
    if kind is None:
        raise Validation(message=f"Object does not exist: {move.after_oid}")
    current = await repository.git.ref(move.name)
    if move.force or current is None or kind != "commit" or move.before_oid not in (None, current):
        return
    if not await repository.git.is_ancestor(current, move.after_oid):
        raise Validation(message="Update is not a fast forward")
