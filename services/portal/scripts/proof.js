// Looks for the number that makes the SHA-256 (FIPS 180-4) of "challenge:number" begin with so many zero bits.
const K = [], H = [], W = new Int32Array(64);
for (let n = 2; K.length < 64; n++) {
  let d = 2;
  while (n % d) d++;
  if (d < n) continue;
  if (H.length < 8) H.push((n ** 0.5 % 1) * 2 ** 32 | 0);
  K.push((Math.cbrt(n) % 1) * 2 ** 32 | 0);
}
const turn = (x, n) => (x >>> n) | (x << (32 - n));
function block(state, bytes, at) {
  for (let i = 0; i < 64; i++) {
    if (i < 16) {
      const j = at + 4 * i;
      W[i] = (bytes[j] << 24) | (bytes[j + 1] << 16) | (bytes[j + 2] << 8) | bytes[j + 3];
      continue;
    }
    const x = W[i - 15], y = W[i - 2];
    W[i] = W[i - 16] + W[i - 7] + (turn(x, 7) ^ turn(x, 18) ^ (x >>> 3)) + (turn(y, 17) ^ turn(y, 19) ^ (y >>> 10));
  }
  let [a, b, c, d, e, f, g, h] = state;
  for (let i = 0; i < 64; i++) {
    const s = (h + (turn(e, 6) ^ turn(e, 11) ^ turn(e, 25)) + ((e & f) ^ (~e & g)) + K[i] + W[i]) | 0;
    const t = ((turn(a, 2) ^ turn(a, 13) ^ turn(a, 22)) + ((a & b) ^ (a & c) ^ (b & c))) | 0;
    [h, g, f, e, d, c, b, a] = [g, f, e, (d + s) | 0, c, b, a, (s + t) | 0];
  }
  return [a, b, c, d, e, f, g, h].map((x, i) => (x + state[i]) | 0);
}
onmessage = ({ data: { challenge, bits } }) => {
  const text = new TextEncoder(), start = text.encode(challenge + ':');
  const whole = start.length & ~63;
  let head = H;
  for (let at = 0; at < whole; at += 64) head = block(head, start, at);
  for (let n = 0; ; n++) {
    const digits = text.encode(String(n)), rest = start.length - whole + digits.length;
    const tail = new Uint8Array(rest < 56 ? 64 : 128);
    tail.set(start.subarray(whole));
    tail.set(digits, rest - digits.length);
    tail[rest] = 128;
    new DataView(tail.buffer).setUint32(tail.length - 4, 8 * (whole + rest));
    let state = head;
    for (let at = 0; at < tail.length; at += 64) state = block(state, tail, at);
    if (Math.clz32(state[0]) >= bits) return postMessage(n);
  }
};
