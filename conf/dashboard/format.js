/* Numbers and times in words. */

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];

const grouped = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const short = new Intl.NumberFormat('en', { maximumSignificantDigits: 3 });

export const count = (value) => grouped.format(value);

/* Of a second; null: not known. */
export function perSecond(value) {
  if (value === null || value === undefined) {
    return '–';
  }
  return value < 100 ? short.format(value) : grouped.format(value);
}

export function bytes(value) {
  let unit = 0;
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit++;
  }
  const text = unit && value < 100 ? value.toFixed(1) : grouped.format(value);
  return `${text.replace(/\.0$/, '')} ${UNITS[unit]}`;
}

export const percent = (share) =>
  `${share < 0.1 && share > 0 ? (share * 100).toFixed(1) : Math.round(share * 100)} %`;

/* A time of seconds, as latencies are. */
export function seconds(value) {
  if (value === null || value === undefined) {
    return '–';
  }
  if (value < 0.001) {
    return `${short.format(value * 1e6)} µs`;
  }
  return value < 1
    ? `${short.format(value * 1000)} ms`
    : `${short.format(value)} s`;
}

/* How long, of ms, in at most two units. */
export function duration(ms) {
  const s = Math.round(ms / 1000);
  if (ms < 1000) {
    return `${Math.round(ms)} ms`;
  }
  if (s < 60) {
    return `${s} s`;
  }
  if (s < 3600) {
    return `${Math.floor(s / 60)} min ${s % 60} s`;
  }
  return s < 86400
    ? `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`
    : `${Math.floor(s / 86400)} d ${Math.floor((s % 86400) / 3600)} h`;
}

/* Time of day; with the date where it is another day. */
export function clock(ms, now = Date.now()) {
  if (!ms) {
    return '–';
  }
  const at = new Date(ms);
  const time = at.toLocaleTimeString('en-GB');
  return at.toDateString() === new Date(now).toDateString()
    ? time
    : `${at.toLocaleDateString('en-CA')} ${time}`;
}

export const ago = (ms, now) =>
  ms ? `${duration(Math.max(0, now - ms))} ago` : 'never';

export const plural = (number, one, many = `${one}s`) =>
  `${count(number)} ${number === 1 ? one : many}`;
