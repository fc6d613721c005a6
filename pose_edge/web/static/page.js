// The page: shows the picture, the figures and the state of a run, and asks for changes.
// Texts of the server are set as text, never as markup.
"use strict";

const POLL_MS = 1000;
const SOON_MS = 300;
const TIMEOUT_MS = 8000;
const RETRY_MS = 2000;
const GHOST_MS = 3000;
const LOG_EVERY = 5;
const SAMPLES = 300; // ten minutes, every two seconds
const SKELETON = [
  [0, 1], [0, 2], [1, 3], [2, 4], [5, 7], [7, 9], [6, 8], [8, 10], [5, 6],
  [5, 11], [6, 12], [11, 12], [11, 13], [13, 15], [12, 14], [14, 16],
];
const LEFT = "#56b4e9", RIGHT = "#e69f00", MIDDLE = "#f0f3f6";

const $ = (id) => document.getElementById(id);
const make = (tag, properties = {}, ...children) => {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
};
const svg = (tag, attributes) => {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
};
const number = (value, digits = 0) => (value === null || value === undefined ? "–" : value.toFixed(digits));

// --- talking to the server -----------------------------------------------------------------------

async function ask(path, options = {}) {
  const answer = await fetch(path, { credentials: "same-origin", signal: AbortSignal.timeout(options.timeout ?? TIMEOUT_MS), ...options });
  if (answer.status === 401) { location.href = "login"; throw new Error("logged out"); }
  return answer;
}

const post = (path, body) =>
  ask(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body), timeout: 60000 });

async function textOf(answer) {
  try { return (await answer.json()).text; } catch { return `${answer.status} ${answer.statusText}`; }
}

function say(text) { $("said").textContent = text; }

async function change(path, body, busy) {
  say(busy);
  try { say(await textOf(await post(path, body))); } catch (error) { say(`not done: ${error.message}`); }
  setTimeout(poll, SOON_MS);
}

// --- the state, once a second --------------------------------------------------------------------

let timer = 0, polls = 0, online = true, state = null;

async function poll() {
  clearTimeout(timer);
  if (document.hidden) return;
  try {
    const answer = await ask("api/state");
    if (!answer.ok) throw new Error(await textOf(answer));
    const before = state;
    state = await answer.json();
    if (!online || (before && before.server !== state.server)) reconnect(); // its streams have ended
    online = true;
    lookAfterPicture();
    show(state);
    if (polls++ % LOG_EVERY === 0) { showFiles(); showLog(); }
  } catch (error) {
    online = false;
    setHealth("bad", "the program does not answer; trying again");
    veil("No connection to the program");
  }
  clearGhost();
  timer = setTimeout(poll, POLL_MS);
}

function reconnect() {
  showPicture();
  openPoses();
  loadHistory();
}

function setHealth(kind, text) {
  $("health").className = kind;
  $("health-text").textContent = text;
}

function veil(text) {
  $("veil").hidden = !text;
  $("veil").textContent = text;
}

const PART_STATES = { running: "good", done: "good", starting: "warn", waiting: "warn", failed: "bad" };

function show(now) {
  const faults = Object.entries(now.faults);
  const bad = now.parts.some((part) => part.state === "failed");
  setHealth(bad ? "bad" : faults.length ? "warn" : "good", `${now.source}${now.paused ? ", paused" : ""}`);
  document.title = `${now.people} · pose_edge`;
  $("fault").hidden = !faults.length;
  $("fault").textContent = faults.map(([part, text]) => `${part}: ${text}`).join("; ");
  veil(now.faults.source ? "Waiting for the camera" : broken ? whyNoPicture(now) : "");
  $("people").textContent = now.people;
  $("fps").textContent = number(now.poses_fps, 1);
  $("latency").textContent = number(now.latency_ms);
  $("temperature").textContent = number(now.temperature);
  $("record").setAttribute("aria-pressed", String(Boolean(now.recording)));
  $("record").lastElementChild.textContent = now.recording ? "Stop" : "Record";
  $("logout").hidden = !now.session;
  addSample(now);
  showParts(now);
  showEvents(now.events);
  showSettings(now);
  const backend = now.backend ? ` on ${now.backend}${now.note ? ` (${now.note})` : ""}` : "";
  $("about").textContent = `${now.model ?? "no model yet"}${backend}; ${now.skipped} of ${now.processed + now.skipped} frames skipped; up ${duration(now.uptime_s)}; version ${now.version}`;
}

function duration(seconds) {
  const minutes = Math.floor(seconds / 60);
  if (minutes < 1) return `${Math.floor(seconds)} s`;
  if (minutes < 120) return `${minutes} min`;
  return minutes < 2880 ? `${Math.floor(minutes / 60)} h` : `${Math.floor(minutes / 1440)} days`;
}

function row(kind, name, side, detail) {
  const item = make("li", { className: kind }, make("span", { className: "dot", ariaHidden: "true" }), make("b", { textContent: name }), make("span", { className: "more", textContent: side }));
  if (detail) item.append(make("p", { textContent: detail }));
  return item;
}

function showParts(now) {
  const parts = now.parts.map((part) => row(PART_STATES[part.state] ?? "", part.name, part.state, now.faults[part.name] ?? part.detail));
  const known = new Set(now.parts.map((part) => part.name));
  for (const output of now.outputs) {
    const lost = output.dropped + output.lost;
    const side = `${output.written} sent${lost ? `, ${lost} left out` : ""}`;
    if (!known.has(output.name) || lost) parts.push(row(output.fault ? "warn" : "good", output.name, side, output.fault));
  }
  $("parts").replaceChildren(...parts);
}

const EVENT_WORDS = {
  person_entered: (event) => `Person ${event.id} came`,
  person_left: (event) => `Person ${event.id} left${event.seconds === undefined ? "" : ` after ${Math.round(event.seconds)} s`}`,
};
let eventsShown = "";

function showEvents(events) {
  events = events.filter((event) => event.type in EVENT_WORDS);
  const key = JSON.stringify(events);
  if (key === eventsShown) return; // a screen reader would read them all again
  eventsShown = key;
  $("no-events").hidden = events.length > 0;
  $("events").replaceChildren(...[...events].reverse().map((event) => {
    const clock = new Date(event.time * 1000);
    return make("li", {}, make("time", { textContent: clock.toLocaleTimeString(), dateTime: clock.toISOString() }), make("b", { textContent: EVENT_WORDS[event.type](event) }));
  }));
}

// --- settings ------------------------------------------------------------------------------------

const fields = [...document.querySelectorAll("[data-key]")];

function showSettings(now) {
  const models = fields[0];
  const names = now.models.includes(now.settings["model.name"]) ? now.models : [now.settings["model.name"], ...now.models];
  if ([...models.options].map((option) => option.value).join() !== names.join()) {
    models.replaceChildren(...names.map((name) => new Option(name, name)));
  }
  for (const field of fields) {
    if (field === document.activeElement && field.type !== "checkbox") continue;
    const value = now.settings[field.dataset.key];
    if (field.type === "checkbox") field.checked = value;
    else field.value = String(value);
    showRange(field);
  }
  $("unsaved").hidden = !now.unsaved.length;
  $("unsaved-keys").textContent = now.unsaved.join(", ");
}

function showRange(field) {
  if (field.type === "range") field.nextElementSibling.textContent = Number(field.value).toFixed(2);
}

for (const field of fields) {
  field.addEventListener("input", () => showRange(field));
  field.addEventListener("change", () => {
    const value = field.type === "checkbox" ? field.checked : field.type === "range" ? Number(field.value) : field.value;
    field.blur();
    change("api/settings", { key: field.dataset.key, value }, "changing it ...");
  });
}
$("form").addEventListener("submit", (event) => event.preventDefault());
$("keep").addEventListener("click", () => change("api/keep", {}, "writing config.yaml ..."));
$("record").addEventListener("click", () => change("api/recording", { on: !state?.recording }, "asking for it ..."));

$("snapshot").addEventListener("click", async () => {
  say("taking it ...");
  try {
    const answer = await post("api/snapshot", {});
    if (!answer.ok) return say(await textOf(answer));
    const name = /filename="([^"]+)"/.exec(answer.headers.get("Content-Disposition") ?? "")?.[1] ?? "snapshot.jpg";
    const address = URL.createObjectURL(await answer.blob());
    make("a", { href: address, download: name }).click();
    setTimeout(() => URL.revokeObjectURL(address), 10000);
    say(`${name} was saved`);
  } catch (error) { say(`not taken: ${error.message}`); }
});

// --- the picture, or skeletons alone -------------------------------------------------------------

let skeletonsOnly = false, socket = null, newest = null, socketTimer = 0, wait = 500;
let broken = false, begun = Date.now(), heard = 0;

function showPicture() {
  const wanted = !skeletonsOnly && !document.hidden;
  begun = Date.now();
  if (!wanted) broken = false;
  $("picture").hidden = skeletonsOnly;
  $("skeletons").hidden = !skeletonsOnly;
  if (wanted) $("picture").src = `stream.mjpg?${Date.now()}`;
  else $("picture").removeAttribute("src");
}

$("picture").addEventListener("load", () => {
  broken = false;
  fit($("picture").naturalWidth, $("picture").naturalHeight);
});

// Browsers tell of a refused stream, but not of one that was cut off later.
function lookAfterPicture() {
  const picture = $("picture");
  if (skeletonsOnly || document.hidden || !picture.complete || picture.naturalWidth) return;
  broken = true;
  if (Date.now() - begun >= RETRY_MS) showPicture();
}

function whyNoPicture(now) {
  return now.watchers < now.most_clients ? "No picture; trying again" : `${now.watchers} people are watching already; trying again`;
}

function fit(width, height) {
  if (width && height) $("stage").style.aspectRatio = `${width} / ${height}`;
}

function openPoses() {
  clearTimeout(socketTimer);
  if (socket) { socket.onclose = null; socket.close(); socket = null; }
  if (!skeletonsOnly || document.hidden) return;
  const address = new URL("poses", location.href);
  address.protocol = address.protocol === "https:" ? "wss:" : "ws:";
  socket = new WebSocket(address);
  socket.onopen = () => { wait = 500; };
  socket.onmessage = (message) => {
    if (newest === null) requestAnimationFrame(draw);
    newest = message.data;
    heard = Date.now();
  };
  socket.onclose = () => { socketTimer = setTimeout(openPoses, wait = Math.min(wait * 2, 10000)); };
}

function draw() {
  const line = JSON.parse(newest);
  newest = null;
  const canvas = $("skeletons"), box = canvas.getBoundingClientRect(), ratio = devicePixelRatio;
  const [width, height] = line.frame;
  fit(width, height);
  if (canvas.width !== Math.round(box.width * ratio)) canvas.width = Math.round(box.width * ratio);
  if (canvas.height !== Math.round(box.height * ratio)) canvas.height = Math.round(box.height * ratio);
  const context = canvas.getContext("2d");
  const scale = Math.min(canvas.width / width, canvas.height / height);
  const mirror = state?.mirror;
  const least = state?.settings["overlay.min_keypoint_score"] ?? 0.25;
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.clearRect(0, 0, canvas.width, canvas.height);
  context.translate((canvas.width - width * scale) / 2, (canvas.height - height * scale) / 2);
  context.lineCap = "round";
  for (const pose of line.poses) {
    const points = pose.keypoints.map(([x, y, score]) => [(mirror ? 1 - x : x) * width * scale, y * height * scale, score >= least]);
    const thick = Math.max(2 * ratio, (pose.box[3] - pose.box[1]) * height * scale / 55);
    for (const [from, to] of SKELETON) {
      if (!points[from][2] || !points[to][2]) continue;
      context.strokeStyle = from === 0 || from % 2 !== to % 2 ? MIDDLE : from % 2 ? LEFT : RIGHT;
      context.lineWidth = from < 5 && to < 5 ? thick * 0.6 : thick;
      context.beginPath();
      context.moveTo(points[from][0], points[from][1]);
      context.lineTo(points[to][0], points[to][1]);
      context.stroke();
    }
    points.forEach(([x, y, seen], index) => {
      if (!seen) return;
      context.fillStyle = index === 0 ? MIDDLE : index % 2 ? LEFT : RIGHT;
      context.beginPath();
      context.arc(x, y, thick * (index < 5 ? 0.6 : 1), 0, 7);
      context.fill();
    });
  }
}

function clearGhost() { // nobody may be where the last line has seen somebody
  const canvas = $("skeletons"), context = canvas.getContext("2d");
  if (!skeletonsOnly || !state?.live || state.paused || Date.now() - heard < GHOST_MS) return;
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.clearRect(0, 0, canvas.width, canvas.height);
}

$("mode").addEventListener("click", () => {
  skeletonsOnly = !skeletonsOnly;
  $("mode").setAttribute("aria-pressed", String(skeletonsOnly));
  showPicture();
  openPoses();
});

$("full").hidden = !document.fullscreenEnabled;
$("full").addEventListener("click", () => (document.fullscreenElement ? document.exitFullscreen() : $("stage").requestFullscreen()));

document.addEventListener("visibilitychange", () => { // a phone that slept, or another tab
  showPicture();
  openPoses();
  if (!document.hidden) { loadHistory(); poll(); }
});

// --- the plots of the last ten minutes -----------------------------------------------------------

const PLOTS = [["poses_fps", "Poses, fps", 1], ["latency_ms", "Latency, ms", 0], ["temperature", "Processor, °C", 0]];
let history = { poses_fps: [], latency_ms: [], temperature: [] }, sampled = 0;

async function loadHistory() {
  try {
    const loaded = await (await ask("api/history")).json();
    for (const [key] of PLOTS) history[key] = loaded[key].slice(-SAMPLES);
    sampled = Date.now();
    drawPlots();
  } catch { /* the next poll says that there is no connection */ }
}

function addSample(now) {
  if (Date.now() - sampled < 1900) return;
  sampled = Date.now();
  for (const [key] of PLOTS) history[key] = [...history[key], now[key] ?? null].slice(-SAMPLES);
  drawPlots();
}

function drawPlots() {
  $("plots").replaceChildren(...PLOTS.filter(([key]) => history[key].some((value) => value !== null)).map(([key, title, digits]) => {
    const values = history[key], known = values.filter((value) => value !== null);
    const high = Math.max(...known, 1) * 1.1, low = key === "temperature" ? Math.min(...known) - 5 : 0;
    const graph = svg("svg", { viewBox: `0 0 ${SAMPLES} 100`, preserveAspectRatio: "none", role: "img", "aria-label": `${title}: ${number(Math.min(...known), digits)} to ${number(Math.max(...known), digits)} in the last ten minutes` });
    let run = [];
    const flush = () => { if (run.length) graph.append(svg("polyline", { points: run.join(" ") })); run = []; };
    values.forEach((value, index) => {
      if (value === null) return flush();
      run.push(`${SAMPLES - values.length + index + 0.5},${(100 - 100 * (value - low) / (high - low)).toFixed(1)}`);
    });
    flush();
    const range = `${number(Math.min(...known), digits)} … ${number(Math.max(...known), digits)}`;
    return make("div", { className: "plot" }, make("p", {}, make("span", { textContent: title }), make("span", { textContent: range })), graph);
  }));
}

// --- files, log, doctor --------------------------------------------------------------------------

let filesShown = "";

async function showFiles() {
  try {
    const { files } = await (await ask("api/files")).json();
    const key = JSON.stringify(files);
    if (key === filesShown) return; // keep the focus on a button
    filesShown = key;
    $("no-files").hidden = files.length > 0;
    $("files").replaceChildren(...files.map(fileRow));
  } catch { /* the next poll says that there is no connection */ }
}

function size(bytes) {
  const units = ["B", "kB", "MB", "GB"];
  let unit = 0;
  while (bytes >= 1000 && unit < 3) { bytes /= 1000; unit += 1; }
  return `${bytes.toFixed(unit && bytes < 100 ? 1 : 0)} ${units[unit]}`;
}

function fileRow(file) {
  const address = `files/${encodeURIComponent(file.name)}`;
  const buttons = make("div", { className: "bar" });
  if (file.name.endsWith(".mp4")) {
    const play = make("button", { textContent: "Play", ariaLabel: `Play ${file.name}` });
    play.addEventListener("click", () => {
      $("player").hidden = false;
      $("player").src = address;
      $("player").play().catch(() => say(`${file.name} cannot be played here; download it`));
    });
    buttons.append(play);
  }
  const download = make("button", { textContent: "Download", ariaLabel: `Download ${file.name}` });
  download.addEventListener("click", () => make("a", { href: address, download: file.name }).click());
  const remove = make("button", { textContent: "Delete", className: "danger", ariaLabel: `Delete ${file.name}` });
  remove.addEventListener("click", () => question(file.name));
  buttons.append(download, remove);
  const when = new Date(file.modified * 1000).toLocaleString();
  return make("li", {}, make("div", {}, make("b", { textContent: file.name }), make("span", { className: "more", textContent: `${size(file.size)}, ${when}` })), buttons);
}

function question(name) {
  $("question-text").textContent = `Delete ${name}? It cannot be had back.`;
  $("question").returnValue = "no";
  $("question").onclose = () => {
    if ($("question").returnValue !== "yes") return;
    if ($("player").src.endsWith(encodeURIComponent(name))) { $("player").removeAttribute("src"); $("player").hidden = true; }
    change("api/files/delete", { name }, `deleting ${name} ...`).then(showFiles);
  };
  $("question").showModal();
}

async function showLog() {
  if (!$("log-part").open) return;
  try {
    const { lines } = await (await ask("api/log")).json(), log = $("log");
    const atEnd = log.scrollTop + log.clientHeight >= log.scrollHeight - 30;
    log.textContent = lines.join("\n");
    if (atEnd) log.scrollTop = log.scrollHeight;
  } catch { /* the next poll says that there is no connection */ }
}
$("log-part").addEventListener("toggle", showLog);

const FINDINGS = { ok: "good", skipped: "", warning: "warn", fault: "bad" };

$("doctor").addEventListener("click", async () => {
  $("doctor").disabled = true;
  $("findings").replaceChildren(make("li", {}, make("span"), make("b", { textContent: "checking; this takes some seconds ..." })));
  try {
    const answer = await ask("api/doctor", { timeout: 90000 });
    if (!answer.ok) throw new Error(await textOf(answer));
    const { findings } = await answer.json();
    $("findings").replaceChildren(...findings.map((one) => row(FINDINGS[one.status] ?? "", `${one.section}: ${one.name}`, one.status, [one.text, one.remedy].filter(Boolean).join(": "))));
  } catch (error) {
    $("findings").replaceChildren(row("bad", "not checked", "", error.message));
  }
  $("doctor").disabled = false;
});

loadHistory();
poll();
