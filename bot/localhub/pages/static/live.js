// Follows the hub: asks every second whether something changed, and then shows the new page in place.
"use strict";

const main = () => document.querySelector("main");
let shown = main().innerHTML;
let known = null;

async function draw() {
  const pictures = [...document.querySelectorAll("pre.mermaid:not([data-drawn])")];
  if (pictures.length === 0) return;
  const { mermaid } = await load();
  for (const picture of pictures) {
    const source = picture.textContent;
    picture.dataset.drawn = "yes";
    try {
      const { svg } = await mermaid.render(`picture-${crypto.randomUUID()}`, source);
      picture.innerHTML = svg;
    } catch (error) {
      picture.title = String(error);
      picture.classList.add("undrawn");
    }
  }
}

let loading = null;
function load() {
  loading ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = "/_static/mermaid.js";
    script.onload = () => {
      const dark = matchMedia("(prefers-color-scheme: dark)").matches;
      window.mermaid.initialize({
        startOnLoad: false,
        securityLevel: "strict",
        // Labels are HTML, for entities and line breaks, as on GitHub; nothing in them loads or asks for anything.
        dompurifyConfig: { FORBID_TAGS: ["a", "audio", "form", "iframe", "img", "input", "picture", "style", "video"] },
        secure: ["secure", "securityLevel", "startOnLoad", "maxTextSize", "maxEdges", "dompurifyConfig"],
        flowchart: { wrappingWidth: 320 },
        fontFamily: "system-ui, sans-serif",
        suppressErrorRendering: true,
        theme: dark ? "dark" : "default",
      });
      resolve(window);
    };
    script.onerror = reject;
    document.head.append(script);
  });
  return loading;
}

async function refresh() {
  const answer = await fetch(location.href);
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const fresh = page.querySelector("main").innerHTML;
  if (fresh === shown) return;
  shown = fresh;
  const open = [...main().querySelectorAll("details")].map((details) => details.open);
  // A picture whose source did not change keeps its drawing, so that it does not flicker.
  const drawings = new Map([...main().querySelectorAll("pre.mermaid[data-drawn]")].map((old) => [old.dataset.source, old]));
  main().replaceWith(document.adoptNode(page.querySelector("main")));
  main().querySelectorAll("details").forEach((details, place) => {
    if (place < open.length) details.open = open[place];
  });
  label();
  for (const picture of main().querySelectorAll("pre.mermaid")) {
    const old = drawings.get(picture.dataset.source);
    if (old !== undefined) picture.replaceWith(old);
  }
  document.title = page.title;
  await draw();
}

function label() {
  for (const picture of document.querySelectorAll("pre.mermaid")) picture.dataset.source = picture.textContent;
}

async function follow() {
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, 1000));
    if (document.hidden) continue;
    try {
      const { count } = await (await fetch("/_changes")).json();
      document.body.classList.remove("gone");
      if (known !== null && count !== known) await refresh();
      known = count;
    } catch {
      document.body.classList.add("gone");
    }
  }
}

label();
draw();
follow();
