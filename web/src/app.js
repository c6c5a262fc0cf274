import { alphaHere, alphaThere, load, serverModels } from "./engine.js";
import { TEXTS } from "./texts.js";

const $ = (id) => document.getElementById(id);
const MOST_PIXELS = 50e6, CAMERA_SIDE = 640;
const view = $("view"), drawing = view.getContext("2d"), source = document.createElement("canvas");
const reading = source.getContext("2d", { willReadFrequently: true });
const state = { language: navigator.language.startsWith("zh") ? "zh" : "en", alpha: null, cut: null, stream: null, picture: null, name: "photo", order: 0, status: ["loading"] };
let models = [], ready = Promise.resolve();

const text = (key, ...values) => values.reduce((all, value, i) => all.replace(`{${i}}`, value), TEXTS[state.language][key] ?? key);
const kind = () => document.querySelector("input[name=background]:checked").value;
const onServer = () => $("where").value === "server";

function say(key, ...values) {
  state.status = [key, ...values];
  $("status").textContent = text(key, ...values);
  $("status").classList.toggle("wrong", ["broken", "large", "narrow", "noCamera", "failed"].includes(key));
}

function translate() {
  document.documentElement.lang = state.language === "zh" ? "zh-CN" : "en";
  document.title = text("title");
  for (const one of document.querySelectorAll("[data-text]")) one.textContent = text(one.dataset.text);
  for (const one of document.querySelectorAll("[data-label]")) one.setAttribute("aria-label", text(one.dataset.label));
  $("lead").textContent = text(onServer() ? "leadServer" : "lead");
  $("camera").textContent = text(state.stream ? "stop" : "camera");
  say(...state.status);
}

function draw() {
  if (!state.cut) return;
  const { width, height } = source, choice = kind();
  if (view.width !== width || view.height !== height) Object.assign(view, { width, height });
  drawing.clearRect(0, 0, width, height);
  paintBackground(choice, width, height);
  drawing.drawImage(state.cut, 0, 0);
  const split = Math.round((width * $("split").value) / 100);
  if (split > 0) {
    drawing.clearRect(0, 0, split, height);
    drawing.drawImage(source, 0, 0, split, height, 0, 0, split, height);
  }
  $("line").style.left = `${$("split").value}%`;
}

function paintBackground(choice, width, height) {
  if (choice === "color") {
    drawing.fillStyle = $("color").value;
    drawing.fillRect(0, 0, width, height);
  } else if (choice === "blur") {
    const radius = Math.max(width, height) / 50, edge = 2 * radius;
    drawing.filter = `blur(${radius}px)`;
    drawing.drawImage(source, -edge, -edge, width + 2 * edge, height + 2 * edge);
    drawing.filter = "none";
  } else if (choice === "picture" && state.picture) {
    const scale = Math.max(width / state.picture.width, height / state.picture.height);
    const w = state.picture.width * scale, h = state.picture.height * scale;
    drawing.drawImage(state.picture, (width - w) / 2, (height - h) / 2, w, h);
  }
}

async function cutOut() {
  await ready;
  const pixels = reading.getImageData(0, 0, source.width, source.height);
  const alpha = onServer() ? await alphaThere(source, $("model").value) : await alphaHere(pixels);
  for (let i = 0; i < alpha.length; i++) pixels.data[4 * i + 3] = alpha[i];
  const cut = new OffscreenCanvas(source.width, source.height);
  cut.getContext("2d").putImageData(pixels, 0, 0);
  return cut;
}

async function show() {
  const order = ++state.order, began = performance.now();
  say("working");
  $("stage").setAttribute("aria-busy", "true");
  try {
    const cut = await cutOut();
    if (order !== state.order) return;
    state.cut = cut;
    document.body.classList.add("has-image");
    $("download").disabled = false;
    draw();
    say("done", Math.round(performance.now() - began));
  } catch (error) {
    if (order === state.order) wrong(error);
  } finally {
    if (order === state.order) $("stage").removeAttribute("aria-busy");
  }
}

function wrong(error) {
  error.message in TEXTS.en ? say(error.message) : say("failed", error.message);
}

async function decode(file) {
  const bitmap = await createImageBitmap(file, { colorSpaceConversion: "none" }).catch(() => { throw new Error("broken"); });
  if (bitmap.width * bitmap.height > MOST_PIXELS) throw new Error("large");
  return bitmap;
}

async function openFile(file) {
  if (!file) return;
  try {
    const bitmap = await decode(file);
    stopCamera();
    state.name = file.name.replace(/\.[^.]*$/, "") || "photo";
    state.cut = null;
    Object.assign(source, { width: bitmap.width, height: bitmap.height });
    reading.drawImage(bitmap, 0, 0);
    await show();
  } catch (error) {
    wrong(error);
  }
}

async function startCamera() {
  try {
    state.stream = await navigator.mediaDevices.getUserMedia({ video: { width: { ideal: CAMERA_SIDE }, facingMode: "user" } });
  } catch {
    return say("noCamera");
  }
  const stream = state.stream, video = $("video");
  video.srcObject = stream;
  await video.play();
  state.order++;
  state.name = "camera";
  if (state.status[0] !== "loading") say("ready");
  translate();
  let last = performance.now(), rate = 0;
  while (state.stream === stream) {
    const scale = Math.min(1, CAMERA_SIDE / Math.max(video.videoWidth, video.videoHeight));
    Object.assign(source, { width: Math.round(video.videoWidth * scale), height: Math.round(video.videoHeight * scale) });
    reading.drawImage(video, 0, 0, source.width, source.height);
    try {
      state.cut = await cutOut();
    } catch (error) {
      stopCamera();
      return wrong(error);
    }
    if (state.stream !== stream) return;
    document.body.classList.add("has-image");
    $("download").disabled = false;
    draw();
    const now = performance.now();
    rate = rate ? 0.8 * rate + 200 / (now - last) : 1000 / (now - last);
    last = now;
    $("rate").textContent = text("fps", rate.toFixed(1));
    await new Promise(requestAnimationFrame);
  }
}

function stopCamera() {
  state.stream?.getTracks().forEach((track) => track.stop());
  state.stream = null;
  $("rate").textContent = "";
  $("camera").textContent = text("camera");
}

async function download() {
  const split = $("split").value;
  $("split").value = 0;
  draw();
  const blob = await new Promise((resolve) => view.toBlob(resolve, "image/png"));
  $("split").value = split;
  draw();
  const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(blob), download: `${state.name}_cutout.png` });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

function chooseModel() {
  const model = models.find(({ name }) => name === $("model").value);
  if (onServer()) {
    ready = Promise.resolve();
    say("ready");
  } else {
    say("loading");
    $("progress").hidden = false;
    ready = load(model, (share) => ($("progress").value = Math.min(share, 1))).then((how) => {
      document.body.dataset.provider = `${how.provider} ${how.threads}`;
      if (state.status[0] === "loading") say("ready");
    });
    ready.catch(wrong).finally(() => ($("progress").hidden = true));
  }
}

async function fillModels() {
  const names = onServer() ? state.server : models.map(({ name }) => name);
  $("model").replaceChildren(...names.map((name) => {
    const known = models.find((one) => one.name === name);
    return new Option(known && !onServer() ? `${name} · ${(known.bytes / 1e6).toFixed(1)} MB` : name, name);
  }));
  chooseModel();
}

async function start() {
  translate();
  [models, state.server] = await Promise.all([fetch("models.json").then((answer) => answer.json()), serverModels()]);
  $("where-field").hidden = state.server.length === 0;
  await fillModels();
}

$("language").onclick = () => { state.language = state.language === "en" ? "zh" : "en"; translate(); };
$("open").onclick = () => $("file").click();
$("file").onchange = ({ target }) => { openFile(target.files[0]); target.value = ""; };
$("camera").onclick = () => (state.stream ? stopCamera() : startCamera());
$("download").onclick = download;
$("split").oninput = draw;
$("color").oninput = () => { document.querySelector("input[value=color]").checked = true; draw(); };
$("model").onchange = () => { chooseModel(); if (state.cut && !state.stream) show(); };
$("where").onchange = () => { fillModels(); translate(); if (state.cut && !state.stream) show(); };
document.querySelectorAll("input[name=background]").forEach((one) => one.addEventListener("change", () => {
  if (one.value === "picture" && !state.picture) $("picture").click();
  draw();
}));
document.querySelector("input[value=picture]").onclick = () => state.picture && $("picture").click();
$("picture").onchange = async ({ target }) => {
  try {
    if (target.files[0]) state.picture = await decode(target.files[0]);
    draw();
  } catch (error) {
    wrong(error);
  }
  target.value = "";
};
addEventListener("dragover", (event) => { event.preventDefault(); document.body.classList.add("over"); });
addEventListener("dragleave", (event) => event.relatedTarget ?? document.body.classList.remove("over"));
addEventListener("drop", (event) => {
  event.preventDefault();
  document.body.classList.remove("over");
  openFile(event.dataTransfer.files[0]);
});
addEventListener("paste", (event) => openFile(event.clipboardData.files[0]));
start().catch(wrong);
