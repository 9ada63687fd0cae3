// Scans on their way to the server: one after the other, in the order scanned, each kept until it is answered.

/** A number that makes a scan count once, however often it is sent. */
export function newNonce() {
  if (crypto.randomUUID) return crypto.randomUUID();
  // On plain http in the warehouse's network a browser has no randomUUID.
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** `send(scan)` resolves to the answer, or rejects: then everything waits until it is tried again. */
export class ScanQueue {
  #isSending = false;

  constructor(send, { onAnswer, onFailure, onChange }) {
    this.send = send;
    this.onAnswer = onAnswer;
    this.onFailure = onFailure;
    this.onChange = onChange;
    this.scans = [];
    this.failure = null;
  }

  get isEmpty() {
    return this.scans.length === 0;
  }

  add(scan) {
    this.scans.push(scan);
    this.flush();
  }

  /** Give the first scan up: it never arrived, and the person says so. */
  throwAway() {
    if (!this.failure) return;
    this.scans.shift();
    this.failure = null;
    this.flush();
  }

  async flush() {
    if (this.#isSending) {
      this.onChange();
      return;
    }
    this.#isSending = true;
    this.failure = null;
    this.onChange();
    while (this.scans.length && !this.failure) {
      const [scan] = this.scans;
      try {
        const answer = await this.send(scan);
        this.scans.shift();
        this.onAnswer(answer, scan);
        this.onChange();
      } catch (failure) {
        this.failure = failure;
      }
    }
    this.#isSending = false;
    if (this.failure) this.onFailure(this.failure);
    this.onChange();
  }
}
