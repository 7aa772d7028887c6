/*
 * A line over the last 15 minutes: drawn by uPlot where that is installed, and
 * always told as a table and in a sentence.
 */

import { el, setText } from './dom.js';
import { MINUTES } from './feed.js';
import { clock } from './format.js';

const HEIGHT = 180;
const TABLE_MS = 5000; // a table that changes each second cannot be read

const colour = (name) =>
  getComputedStyle(document.documentElement).getPropertyValue(name).trim();

const dark = matchMedia('(prefers-color-scheme: dark)');

export class Chart {
  #series;
  #format;
  #steps;
  #plot = null;
  #box;
  #values = [];
  #table;
  #sentence;
  #points = [];
  #shown = -Infinity; // when the table was filled last

  /* series: { label, colour: a custom property, dash, read(point) }; steps: what
   * may lie between two lines of the grid, where it is not uPlot's choice. */
  constructor(figure, series, format, steps) {
    this.#series = series;
    this.#format = format;
    this.#steps = steps;
    this.#box = figure.querySelector('.plot');
    this.#sentence = figure.querySelector('.sentence');
    this.#table = this.#makeTable(figure);
    figure.insertBefore(this.#makeLegend(), this.#box);
    if (globalThis.uPlot) {
      new ResizeObserver(() => this.#resize()).observe(this.#box);
      dark.addEventListener('change', () => this.#make());
      this.#make();
    } else {
      this.#box.remove();
      figure.querySelector('details').open = true;
    }
  }

  draw(points) {
    this.#points = points;
    this.#show(points.length - 1);
    if (this.#plot) {
      this.#plot.setData(this.#data(), false);
      this.#plot.setScale('x', this.#range());
    }
    if (performance.now() - this.#shown > TABLE_MS) {
      this.#shown = performance.now();
      this.#tell();
    }
  }

  #makeLegend() {
    const legend = el('ul', { class: 'legend' });
    for (const { label, colour: name } of this.#series) {
      const value = el('output', { class: 'value' }, '–');
      const mark = el('span', {
        class: 'mark',
        'data-colour': name.slice(2),
        'aria-hidden': 'true',
      });
      this.#values.push(value);
      legend.append(el('li', {}, mark, `${label} `, value));
    }
    return legend;
  }

  #makeTable(figure) {
    const body = el('tbody');
    const heads = this.#series.map(({ label }) =>
      el('th', { scope: 'col' }, label),
    );
    figure
      .querySelector('details')
      .append(
        el(
          'div',
          { class: 'scroll' },
          el(
            'table',
            {},
            el('caption', { class: 'hidden' }, 'Means of each minute'),
            el(
              'thead',
              {},
              el('tr', {}, el('th', { scope: 'col' }, 'Minute'), ...heads),
            ),
            body,
          ),
        ),
      );
    return body;
  }

  /* 15 minutes, or less while there are no more points. */
  #range() {
    const end = (this.#points.at(-1)?.time ?? Date.now()) / 1000;
    const begin = (this.#points[0]?.time ?? 0) / 1000;
    const longest = end - MINUTES * 60;
    return { min: Math.max(longest, Math.min(begin, end - 60)), max: end };
  }

  #data() {
    return [
      this.#points.map(({ time }) => time / 1000),
      ...this.#series.map(({ read }) => this.#points.map(read)),
    ];
  }

  #make() {
    this.#plot?.destroy();
    const axis = {
      stroke: colour('--faint'),
      font: '12px system-ui, sans-serif',
      grid: { stroke: colour('--rule'), width: 1 },
      ticks: { show: false },
    };
    this.#plot = new globalThis.uPlot(
      {
        width: Math.max(this.#box.clientWidth, 100),
        height: HEIGHT,
        legend: { show: false },
        cursor: { y: false, drag: { x: false, y: false } },
        scales: {
          x: { time: true, auto: false },
          y: { range: (plot, least, most) => [0, most > 0 ? most * 1.1 : 1] },
        },
        axes: [
          {
            ...axis,
            size: 30,
            space: 70,
            values: (plot, times) => times.map(timeOf),
          },
          {
            ...axis,
            ...(this.#steps && { incrs: this.#steps }),
            size: 72,
            values: (plot, values) => values.map(this.#format),
          },
        ],
        series: [
          {},
          ...this.#series.map((one) => ({
            label: one.label,
            stroke: colour(one.colour),
            width: 2,
            dash: one.dash,
            points: { show: false },
          })),
        ],
        hooks: {
          setCursor: [({ cursor: { idx } }) => this.#show(idx ?? -1)],
        },
      },
      this.#data(),
      this.#box,
    );
    this.#plot.setScale('x', this.#range());
  }

  #resize() {
    const width = this.#box.clientWidth;
    if (this.#plot && width && width !== this.#plot.width) {
      this.#plot.setSize({ width, height: HEIGHT });
    }
  }

  /* In the legend: the point under the cursor, or the last one. */
  #show(at) {
    const pointed = this.#plot?.cursor.idx;
    const point = this.#points[pointed ?? at] ?? this.#points.at(-1);
    this.#series.forEach(({ read }, n) =>
      setText(this.#values[n], point ? this.#format(read(point)) : '–'),
    );
  }

  #tell() {
    const minutes = byMinute(this.#points);
    this.#table.replaceChildren(
      ...minutes.map(([minute, points]) =>
        el(
          'tr',
          {},
          el('th', { scope: 'row' }, clock(minute).slice(0, 5)),
          ...this.#series.map(({ read }) =>
            el('td', {}, this.#format(mean(points.map(read)))),
          ),
        ),
      ),
    );
    setText(
      this.#sentence,
      `${this.#series
        .map(({ label, read }) => {
          const values = this.#points.map(read);
          return `${label}: ${this.#format(values.at(-1))} now, at most ${this.#format(Math.max(0, ...values))}`;
        })
        .join('; ')}. The table has each minute.`,
    );
  }
}

/* A time of an axis, with seconds where its neighbour is in the same minute. */
const timeOf = (s, at, times) =>
  clock(s * 1000).slice(0, times[1] - times[0] < 60 ? 8 : 5);

/* The newest first. */
function byMinute(points) {
  const minutes = new Map();
  for (const point of points) {
    const minute = Math.floor(point.time / 60000) * 60000;
    minutes.set(minute, [...(minutes.get(minute) ?? []), point]);
  }
  return [...minutes].reverse();
}

function mean(values) {
  const known = values.filter((value) => value !== null);
  return known.length
    ? known.reduce((sum, value) => sum + value, 0) / known.length
    : null;
}
