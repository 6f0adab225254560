// Sends map and record while one types, and shows what comes back. It keeps nothing.
"use strict";
const map = document.getElementById("map");
const record = document.getElementById("record");
const faults = document.getElementById("faults");
const made = document.getElementById("made");
const save = document.getElementById("save");
let waiting = 0, asked = 0;

const ask = (path) => fetch(path, {
  method: "POST", headers: { "Content-Type": "application/json" },
  body: JSON.stringify({ map: map.value, record: record.value }),
});

const goTo = (line, column) => {
  const lines = map.value.split("\n");
  const at = lines.slice(0, line - 1).join("\n").length + (line > 1 ? 1 : 0) + Math.max(0, column - 1);
  map.focus();
  map.setSelectionRange(at, at);
  map.scrollTop = map.scrollHeight * Math.max(0, line - 5) / lines.length;
};

const tell = (text, refused, line, column) => {
  const li = document.createElement("li");
  if (refused) li.className = "refused";
  if (line > 0) {
    const go = document.createElement("button");
    go.type = "button";
    go.textContent = "line " + line + (column > 0 ? ":" + column : "");
    go.addEventListener("click", () => goTo(line, column || 1));
    li.append(go, " ");
  }
  li.append(text);
  faults.append(li);
};

const show = async () => {
  const mine = ++asked;
  let answer;
  try {
    const r = await ask("apply");
    if (!r.ok) throw new Error(await r.text());
    answer = await r.json();
  } catch (e) {
    if (mine !== asked) return;
    faults.replaceChildren();
    tell("No answer: " + e.message, true);
    return;
  }
  if (mine !== asked) return;
  faults.replaceChildren();
  for (const f of answer.findings || []) tell(f.message, f.refused, f.line, f.column);
  if (answer.message) tell(answer.message, true, answer.fault && answer.fault.line);
  made.className = answer.outcome ? "" : "old";
  if (answer.outcome) made.textContent = JSON.stringify(answer.outcome, null, 2);
};

for (const area of [map, record]) {
  area.addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(show, 150); });
}
if (save) save.addEventListener("click", async () => {
  const r = await ask("save");
  save.textContent = r.ok ? "Saved" : "Not saved: " + await r.text();
  setTimeout(() => { save.textContent = "Save"; }, 2000);
});
show();
