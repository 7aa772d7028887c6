/*
 * conf/monitoring: the rules fire when they should, and rules and dashboard ask
 * for what the server has.
 */

import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Httpd } from '../browser/httpd.js';
import { until } from '../browser/wait.js';

const TREE = fileURLToPath(new URL('../..', import.meta.url));
const PROMTOOL = process.env.PUSH_PROMTOOL ?? 'promtool';

const read = (...name) => readFileSync(path.join(TREE, ...name), 'utf8');
const file = (name) => path.join(TREE, 'conf', 'monitoring', name);
const promtool = (...args) =>
  execFileSync(PROMTOOL, args, { encoding: 'utf8', stdio: 'pipe' });

const rules = read('conf', 'monitoring', 'push.rules.yml').replace(
  /^ *#.*/gm,
  '',
);
const board = JSON.parse(read('conf', 'monitoring', 'grafana-dashboard.json'));
const panels = board.panels.filter(({ type }) => type !== 'row');

/* All that the dashboard asks for; variables as Grafana would fill them in. */
const queries = [
  ...panels.flatMap(({ targets }) => targets.map(({ expr }) => expr)),
  ...board.annotations.list.map(({ expr }) => expr),
];
const filled = (query) =>
  query.replaceAll('$__rate_interval', '5m').replace(/\$(job|instance)/g, '.*');

/* The selectors of a text: { name, matchers: [{ label, operator, value }] }. */
function selectors(text) {
  const found = text.matchAll(/\b(push_[a-z0-9_]+)(?:\{([^{}]*)\})?/g);
  return [...found].map(([, name, list = '']) => ({
    name,
    matchers: [...list.matchAll(/(\w+)(=~|!=|!~|=)"([^"]*)"/g)].map(
      ([, label, operator, value]) => ({ label, operator, value }),
    ),
  }));
}

/* Labels that the scrape itself adds. */
const SCRAPED = ['job', 'instance'];

/* The series of a scrape by name: an array of objects, a label a member. */
function seriesOf(text) {
  const all = new Map();
  for (const line of text.split('\n').filter((l) => l && l[0] !== '#')) {
    const [, name, labels = ''] = /^(\w+)(?:\{(.*)\})? /.exec(line);
    const pairs = labels.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g);
    const series = [...pairs].map(([, label, value]) => [label, value]);
    all.set(name, [...(all.get(name) ?? []), Object.fromEntries(series)]);
  }
  return all;
}

describe('what promtool says', () => {
  it('finds nothing wrong with the rules and the example', () => {
    promtool('check', 'rules', '--lint=all', file('push.rules.yml'));
    promtool('check', 'config', '--syntax-only', file('prometheus.yml'));
  });

  it('sees each alert fire in its case, and stay silent beside it', () => {
    promtool('test', 'rules', file('push.rules.test.yml'));
  });

  it('can read every query of the dashboard', () => {
    const room = mkdtempSync(path.join(tmpdir(), 'push-monitoring-'));
    const list = queries.map(
      (expr, i) =>
        `  - record: query_${i}\n    expr: ${JSON.stringify(filled(expr))}\n`,
    );
    const name = path.join(room, 'queries.yml');
    writeFileSync(name, `groups:\n- name: queries\n  rules:\n${list.join('')}`);
    try {
      promtool('check', 'rules', '--lint=none', name);
    } finally {
      rmSync(room, { recursive: true });
    }
  });
});

describe('alerts', () => {
  const alerts = rules.split(/^ +- alert: /m).slice(1);
  const headings = read('docs', 'operations.md')
    .match(/^#+ .*/gm)
    .map((line) => line.replace(/^#+ /, '').toLowerCase());

  for (const alert of alerts) {
    const name = alert.split('\n')[0];

    it(`${name} says how bad it is, what to do, and where to read on`, () => {
      assert.match(alert, /^ +severity: (critical|warning)$/m);
      assert.match(alert, /^ +summary: /m);
      assert.match(alert, /^ +description: /m);
      const [, anchor] = /^ +runbook: docs\/operations\.md#(\w+)$/m.exec(alert);
      assert.ok(headings.includes(anchor), anchor);
      assert.ok(name.toLowerCase().startsWith(anchor), anchor);
    });

    it(`${name} is tested`, () => {
      const tests = read('conf', 'monitoring', 'push.rules.test.yml');
      assert.match(tests, new RegExp(`alertname(="|: )${name}\\b`));
    });
  }
});

describe('the dashboard', () => {
  it('has a data source to be chosen, and nothing else', () => {
    const own = ['datasource', 'job', 'instance'];
    const names = board.templating.list.map(({ name }) => name);
    assert.deepEqual(names, own);
    assert.equal(board.templating.list[0].type, 'datasource');
    const text = JSON.stringify(board);
    for (const [, uid] of text.matchAll(/"uid":"([^"]*)"/g)) {
      assert.ok(['${datasource}', board.uid].includes(uid), uid);
    }
    for (const [, name] of text.matchAll(/\$\{?([A-Za-z_]\w*)/g)) {
      assert.ok([...own, '__rate_interval'].includes(name), name);
    }
    for (const panel of panels) {
      for (const part of [panel, ...panel.targets]) {
        assert.equal(part.datasource.uid, '${datasource}', panel.title);
      }
    }
  });

  it('has panels that say what they show, each in a place of its own', () => {
    const taken = new Set();
    const ids = board.panels.map(({ id }) => id);
    assert.equal(new Set(ids).size, ids.length);
    for (const { gridPos, title } of board.panels) {
      const { x, y, w, h } = gridPos;
      assert.ok(x >= 0 && w > 0 && h > 0 && x + w <= 24, title);
      for (let i = x; i < x + w; i++) {
        for (let j = y; j < y + h; j++) {
          assert.ok(!taken.has(`${i},${j}`), title);
          taken.add(`${i},${j}`);
        }
      }
    }
    for (const { title, description, type, targets, fieldConfig } of panels) {
      const refs = targets.map(({ refId }) => refId);
      assert.ok(title && description, title);
      assert.ok(['stat', 'timeseries'].includes(type), title);
      assert.ok(fieldConfig.defaults.unit, title);
      assert.equal(new Set(refs).size, refs.length, title);
    }
  });

  it('names alerts that are there', () => {
    for (const [, name] of JSON.stringify(panels).matchAll(
      /\b(Push(?:Down|NoReactor|[A-Z]\w+))(?=[.,"])/g,
    )) {
      if (!read('conf', 'push.conf').includes(name)) {
        assert.ok(rules.includes(`alert: ${name}\n`), name);
      }
    }
  });
});

/* A port that nobody has. */
const freePort = () =>
  new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });

const REDIS =
  '--save|--maxmemory-policy noeviction|--latency-tracking no' +
  '|--zset-max-listpack-value 1024|--hash-max-listpack-value 1024';

/* A Redis of its own, with nothing on disk, in the directory. */
async function startRedis(dir) {
  const port = await freePort();
  const options = REDIS.split('|').flatMap((option) => {
    const [name, value = ''] = option.split(' ');
    return [name, value];
  });
  const child = spawn(
    'redis-server',
    ['--port', `${port}`, '--bind', '127.0.0.1', '--dir', dir, ...options],
    { stdio: ['ignore', 'pipe', 'ignore'] },
  );
  for await (const text of child.stdout) {
    if (`${text}`.includes('Ready to accept connections')) {
      break;
    }
  }
  return { child, port };
}

/* Labels whose values only a run knows. */
const NAMED_BY_A_RUN = ['master'];

describe('what the server has', () => {
  let httpd;
  let node;
  let redis;
  let dir;
  let series;

  /* A node of a cluster has what one machine has not. */
  async function startNode() {
    dir = mkdtempSync(path.join(tmpdir(), 'push-node-'));
    redis = await startRedis(dir);
    const secret = path.join(dir, 'secret');
    writeFileSync(secret, 'x'.repeat(32), { mode: 0o600 });
    node = await Httpd.start([
      `PushCluster redis://127.0.0.1:${redis.port}`,
      `PushClusterSecret ${secret}`,
      'PushRelay http://127.0.0.1:1/push/messages name=west',
      'PushRelay http://127.0.0.1:1/push/messages2 name=east',
    ]);
    await until('the node has its figures', async () => {
      const text = await (await fetch(`${node.base}/push/metrics`)).text();
      const all = seriesOf(text);
      for (const [name, list] of all) {
        series.set(name, [...(series.get(name) ?? []), ...list]);
      }
      return all.has('push_cluster_drain_age_seconds');
    });
  }

  before(async () => {
    httpd = await Httpd.start([
      'PushStateDir state',
      'PushDurability commit',
      '<Location "/shut">',
      'PushEndpoint admin',
      'Require all denied',
      '</Location>',
      '<Location "/shut/metrics">',
      'Require local',
      '</Location>',
    ]);
    httpd.expect(/AH01630: .*\/shut\//);
    await httpd.publish({ user: 'ada' }, 'x');
    await until('the figures are there', async () => {
      const answer = await fetch(`${httpd.base}/push/metrics`);
      series = seriesOf(await answer.text());
      return answer.status === 200;
    });
    await startNode();
  });

  after(async () => {
    await httpd?.stop();
    await node?.stop();
    redis?.child.kill();
    rmSync(dir, { recursive: true, force: true });
  });

  /* Whether a matcher can be true of one of the series. */
  const fits = (list, { label, operator, value }) => {
    const pattern = operator.endsWith('~')
      ? value
      : value.replace(/\W/g, '\\$&');
    const is = new RegExp(`^(?:${pattern})$`);
    return list.some((one) => is.test(one[label] ?? '\n'));
  };

  function check(text) {
    for (const { name, matchers } of selectors(text)) {
      const list = series.get(name) ?? series.get(`${name}_count`);
      assert.ok(list, `${name} is no metric`);
      for (const matcher of matchers) {
        assert.ok(
          SCRAPED.includes(matcher.label) ||
            (NAMED_BY_A_RUN.includes(matcher.label) &&
              list.some((one) => one[matcher.label])) ||
            fits(list, matcher),
          `${name}: ${matcher.label}${matcher.operator}"${matcher.value}"`,
        );
      }
    }
  }

  it('is what the rules ask for', () => {
    assert.ok(selectors(rules).length > 15);
    check(rules);
  });

  it('is what the dashboard asks for', () => {
    for (const query of queries) {
      assert.ok(/push_|ALERTS/.test(query), query);
      check(query);
    }
    for (const { definition = '' } of board.templating.list) {
      check(definition);
    }
  });

  it('is what the documentation has', () => {
    const table = read('docs', 'protocol.md')
      .match(/^\|.*`push_.*/gm)
      .join();
    for (const { name } of selectors([rules, ...queries].join(' '))) {
      const family = name.replace(/_bucket$/, '');
      assert.ok(table.includes(`\`${family}\``), family);
    }
  });

  it('is what the dashboard groups by, and puts into its legends', () => {
    for (const { title, targets } of panels) {
      for (const { expr, legendFormat } of targets) {
        const names = selectors(expr).map(({ name }) => name);
        const labels = [
          ...[...expr.matchAll(/by \(([^)]*)\)/g)].flatMap(([, list]) =>
            list.split(/, */),
          ),
          ...[...legendFormat.matchAll(/\{\{(\w+)\}\}/g)].map(([, l]) => l),
        ];
        for (const label of labels.filter((l) => !SCRAPED.includes(l))) {
          assert.ok(
            names.some((name) => series.get(name).some((one) => one[label])),
            `${title}: ${label}`,
          );
        }
      }
    }
  });

  it('is what the tests of the rules are fed with', () => {
    const tests = read('conf', 'monitoring', 'push.rules.test.yml');
    const fed = tests.replaceAll(/'up\{/g, "'other{").match(/'push_[^']*'/g);
    assert.ok(fed.length > 20);
    fed.forEach(check);
  });

  it('can be read by who may read nothing else', async () => {
    const status = async (what) =>
      (await fetch(`${httpd.base}/shut/${what}`)).status;
    assert.equal(await status('metrics'), 200);
    assert.equal(await status('stats'), 403);
    assert.equal(await status('messages/8yIJLk1DzU7'), 403);
  });
});
