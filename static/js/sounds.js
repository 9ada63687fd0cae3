// The four sounds of a bench: done, already, refused, attention. A page that plays them includes
// components/sounds.html, which names the files; before the first key or click a browser stays silent.

let context = null;
const buffers = new Map();

const source = () => document.querySelector("[data-sounds]");

export function soundIsOn() {
  try {
    return localStorage.getItem("sound") !== "off";
  } catch {
    return true;
  }
}

export function switchSound(on) {
  try {
    localStorage.setItem("sound", on ? "on" : "off");
  } catch {
    // then it is on again at the next page
  }
}

async function load(name) {
  const address = source()?.dataset[name];
  if (!address) return null;
  const answer = await fetch(address);
  return context.decodeAudioData(await answer.arrayBuffer());
}

/** Fetch the sounds ahead, at the first sign of a person. */
export function wake() {
  if (!source()) return;
  context ??= new AudioContext();
  if (context.state === "suspended") context.resume();
  for (const name of ["done", "already", "refused", "attention"]) {
    if (!buffers.has(name)) buffers.set(name, load(name).catch(() => null));
  }
}

/** Play one of the four; a sound still playing is cut off, so a burst of scans stays clear. */
let playing = null;
export async function play(name) {
  document.dispatchEvent(new CustomEvent("sound-played", { detail: name }));
  if (!soundIsOn()) return;
  wake();
  const buffer = await buffers.get(name);
  if (!buffer) return;
  playing?.stop();
  playing = new AudioBufferSourceNode(context, { buffer });
  playing.connect(context.destination);
  playing.start();
}

for (const type of ["keydown", "pointerdown"]) document.addEventListener(type, wake, { once: true, capture: true });
