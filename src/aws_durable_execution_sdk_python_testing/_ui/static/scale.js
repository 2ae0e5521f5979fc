// From times to places between 0 and 1.
//
// A durable execution mostly waits: drawn in proportion, an hour of waiting leaves nothing of the
// milliseconds around it. Times that nothing ran in are therefore drawn short, unless asked not to.

// What a compressed time may take at most, as a share of all that is not compressed.
const SHARE = 0.12;
// Gaps that are shorter than this share are drawn as they are.
const SMALLEST = 0.05;

export class TimeScale {
  /**
   * @param {number} start first time, in seconds
   * @param {number} end last time
   * @param {{start: number, end: number}[]} busy when something ran
   * @param {boolean} compress whether the times between are drawn short
   */
  constructor(start, end, busy, compress) {
    const last = Math.max(end, start + 0.001);
    const pieces = compress ? cut(start, last, busy) : [{ start, end: last, idle: false }];
    const running = pieces.reduce((sum, piece) => sum + (piece.idle ? 0 : piece.end - piece.start), 0);
    const longest = Math.max(running, 0.001) * SHARE;
    let at = 0;
    this.points = [{ time: start, at: 0 }];
    for (const piece of pieces) {
      const length = piece.end - piece.start;
      const isShort = piece.idle && length > longest * (SMALLEST / SHARE);
      at += isShort ? Math.min(length, longest) : length;
      this.points.push({ time: piece.end, at });
    }
    for (const point of this.points) point.at /= at;
  }

  /** Where a time is. */
  at(time) {
    return between(this.points, "time", "at", time);
  }

  /** Which time a place is. */
  time(at) {
    return between(this.points, "at", "time", at);
  }
}

/** The whole time in pieces, busy and idle in turn. */
function cut(start, end, busy) {
  const pieces = [];
  let at = start;
  for (const one of [...busy].sort((a, b) => a.start - b.start)) {
    const from = Math.max(one.start, at);
    const to = Math.min(one.end, end);
    if (from > at) pieces.push({ start: at, end: Math.min(from, end), idle: true });
    if (to > from) pieces.push({ start: from, end: to, idle: false });
    at = Math.max(at, to);
  }
  if (end > at) pieces.push({ start: at, end, idle: true });
  return pieces;
}

function between(points, from, to, value) {
  let low = 0;
  let high = points.length - 1;
  if (value <= points[low][from]) return points[low][to];
  if (value >= points[high][from]) return points[high][to];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (points[middle][from] <= value) low = middle;
    else high = middle;
  }
  const span = points[high][from] - points[low][from];
  const share = span ? (value - points[low][from]) / span : 0;
  return points[low][to] + share * (points[high][to] - points[low][to]);
}
