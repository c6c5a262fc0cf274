// The pre- and post-processing of src/imaging/geometry.py, for the browser.

const nearest = (value, multiple) => Math.max(1, Math.floor(value / multiple + 0.5)) * multiple;

/** [height, width] of the network's input for an image; an Error for one too narrow. */
export function networkSize(height, width, { ref_size: ref, multiple, ref_side: side = "shorter" }) {
  const short = Math.min(height, width), long = Math.max(height, width);
  let scale = 1;
  if (side === "longer") scale = ref / long;
  else if (long < ref || short > ref) scale = ref / short;
  const size = [nearest(height * scale, multiple), nearest(width * scale, multiple)];
  if (Math.max(...size) > Math.max(16 * ref, multiple)) throw new Error("narrow");
  return size;
}

/** For every target position: first source position and the weights from there on. */
function taps(from, to, area) {
  const step = from / to, found = [];
  for (let i = 0; i < to; i++) {
    if (area) {
      const begin = i * step, end = Math.min((i + 1) * step, from), first = Math.floor(begin + 1e-9);
      const weights = [];
      for (let j = first; j < end - 1e-9; j++) weights.push((Math.min(end, j + 1) - Math.max(begin, j)) / step);
      found.push([first, weights]);
    } else {
      const at = Math.min(Math.max((i + 0.5) * step - 0.5, 0), from - 1), first = Math.min(Math.floor(at), from - 1);
      found.push(first + 1 < from ? [first, [1 - (at - first), at - first]] : [first, [1]]);
    }
  }
  return found;
}

/** One pass of a resize of interleaved channels, over [outer, from, inner] -> [outer, to, inner]. */
function pass(source, outer, from, inner, to, area) {
  const result = new Float32Array(outer * to * inner);
  taps(from, to, area).forEach(([first, weights], i) => {
    for (let o = 0; o < outer; o++) {
      const target = (o * to + i) * inner, base = (o * from + first) * inner;
      for (let t = 0; t < weights.length; t++) {
        const weight = weights[t], row = base + t * inner;
        for (let k = 0; k < inner; k++) result[target + k] += weight * source[row + k];
      }
    }
  });
  return result;
}

/** Resize [height, width, channels]: pixel area where a side shrinks, then bilinear where one grows. */
export function resize(source, height, width, channels, newHeight, newWidth, round = false) {
  let data = source, h = height, w = width;
  for (const area of [true, false]) {
    const th = area ? Math.min(h, newHeight) : newHeight, tw = area ? Math.min(w, newWidth) : newWidth;
    if (th === h && tw === w) continue;
    if (th !== h) data = pass(data, 1, h, w * channels, th, area);
    if (tw !== w) data = pass(data, th, w, channels, tw, area);
    if (round) data = data.map((value) => Math.round(value)); // as 8-bit pixels do
    [h, w] = [th, tw];
  }
  return data;
}

/** RGBA pixels -> { data: float32 [1, 3, h, w], size: [h, w] }. */
export function toInput(rgba, height, width, pre) {
  const [h, w] = networkSize(height, width, pre), small = resize(rgba, height, width, 4, h, w, true);
  const data = new Float32Array(3 * h * w);
  for (let c = 0; c < 3; c++) {
    const from = pre.color === "BGR" ? 2 - c : c, m = from;
    const scale = 1 / (255 * pre.std[m]), shift = -pre.mean[m] / pre.std[m];
    for (let i = 0, n = h * w; i < n; i++) data[c * n + i] = small[4 * i + from] * scale + shift;
  }
  return { data, size: [h, w] };
}

/** The network's output -> alpha of the image, uint8 [height * width]. */
export function toMatte(output, [h, w], height, width) {
  const full = resize(output, h, w, 1, height, width), alpha = new Uint8ClampedArray(height * width);
  for (let i = 0; i < alpha.length; i++) alpha[i] = full[i] * 255; // clamps and rounds
  return alpha;
}
