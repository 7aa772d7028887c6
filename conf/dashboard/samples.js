/* Figures in Prometheus's text form. */

const LINE = /^(\w+)(?:\{(.*)\})? (\S+)$/;

/* An array of { name, labels, value }. */
export function parse(text) {
  const samples = [];
  for (const line of text.split('\n')) {
    const [, name, labels = '', value] = LINE.exec(line) ?? [];
    if (name) {
      samples.push({ name, labels: parseLabels(labels), value: +value });
    }
  }
  return samples;
}

const parseLabels = (text) =>
  Object.fromEntries(
    [...text.matchAll(/(\w+)="([^"]*)"/g)].map(([, name, value]) => [
      name,
      value,
    ]),
  );

/* The sum of all samples of a name, by the values of a label. */
export function sums(samples, name, label) {
  const sum = {};
  for (const one of samples.filter((sample) => sample.name === name)) {
    const key = one.labels[label] ?? '';
    sum[key] = (sum[key] ?? 0) + one.value;
  }
  return sum;
}
