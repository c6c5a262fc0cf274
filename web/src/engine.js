// Who computes an alpha: the worker in this browser, or the server that the page came from.

const worker = new Worker(new URL("./worker.js", import.meta.url), { type: "module" });
const waiting = new Map();
let next = 0;

worker.onmessage = ({ data: { id, progress, result, error } }) => {
  const { resolve, reject, report } = waiting.get(id);
  if (progress !== undefined) return report?.(progress);
  waiting.delete(id);
  error === undefined ? resolve(result) : reject(new Error(error));
};
worker.onerror = (event) => {
  waiting.forEach(({ reject }) => reject(new Error(event.message || "worker")));
  waiting.clear();
};

function ask(order, transfer = [], report) {
  const id = next++;
  return new Promise((resolve, reject) => {
    waiting.set(id, { resolve, reject, report });
    worker.postMessage({ id, ...order }, transfer);
  });
}

/** Fetch and open a model; `report` gets the share of its bytes that is there. */
export const load = (model, report) => ask({ model }, [], report);

/** Alpha of ImageData, uint8 [height * width]. */
export function alphaHere({ data, height, width }) {
  const pixels = data.slice();
  return ask({ pixels, height, width }, [pixels.buffer]);
}

/** Names of the server's models; none where the page is served as plain files. */
export async function serverModels() {
  try {
    const answer = await fetch("health");
    return answer.ok ? (await answer.json()).models ?? [] : [];
  } catch {
    return [];
  }
}

/** The same alpha from the server. */
export async function alphaThere(canvas, model) {
  const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/png")), form = new FormData();
  form.append("file", blob, "image.png");
  const query = new URLSearchParams({ output: "alpha", format: "png", model });
  const answer = await fetch(`api/cutout?${query}`, { method: "POST", body: form });
  if (!answer.ok) throw new Error((await answer.json().catch(() => ({}))).error ?? answer.statusText);
  const bitmap = await createImageBitmap(await answer.blob(), { colorSpaceConversion: "none" });
  const drawing = new OffscreenCanvas(bitmap.width, bitmap.height).getContext("2d");
  drawing.drawImage(bitmap, 0, 0);
  return drawing.getImageData(0, 0, bitmap.width, bitmap.height).data.filter((_, i) => i % 4 === 0);
}
