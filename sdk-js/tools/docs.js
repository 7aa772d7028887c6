/**
 * Prints docs/sdk-js.md: what tools/sdk-js.md says, and behind it the
 * reference, made from the JSDoc of what the package exports.
 */
import { readFileSync } from 'node:fs';

const read = (name) => readFileSync(new URL(name, import.meta.url), 'utf8');

/** Each part of the reference: a title, its file, and what to take of it. */
const parts = [
  ['`PushClient`', 'client.js', ['PushClient']],
  ['Options', 'settings.js', ['PushOptions', 'TokenSource']],
  [
    'Events',
    'client.js',
    [
      'Handlers',
      'PushStateEvent',
      'PushErrorEvent',
      'PushGapEvent',
      'PushByeEvent',
    ],
  ],
  ['`PushMessage`', 'message.js', ['PushMessageDetails']],
  ['`PushError`', 'error.js', ['PushError', 'PushErrorDetails']],
  ['`deviceId`', 'settings.js', ['deviceId']],
  ['`tabs` (mod-push-client/tabs)', 'tabs.js', ['tabs']],
  [
    'Fallback (mod-push-client/eventsource)',
    'eventsource.js',
    ['fallback', 'eventSource'],
  ],
  [
    'Polls (mod-push-client/poll)',
    'poll.js',
    ['pollFallback', 'poll', 'PollOptions'],
  ],
  [
    '`reportPosition` (mod-push-client/position)',
    'position.js',
    ['reportPosition', 'Position', 'ReportOptions'],
  ],
  [
    '`Publisher` (mod-push-client/publish)',
    'publish.js',
    [
      'Publisher',
      'PublishStream',
      'PublisherOptions',
      'MessageOptions',
      'Published',
    ],
  ],
  [
    'React hooks (mod-push-client/react)',
    'react.js',
    ['usePushClient', 'usePushMessage', 'usePushState'],
  ],
];

/** Comments of a file, each with the code that follows it. */
function comments(source) {
  const found = [];
  const pattern = /\/\*\*([^]*?)\*\/(?=[ \t]*\n?([^\n]*))/g;
  for (let m; (m = pattern.exec(source));) {
    const lines = m[1]
      .split('\n')
      .map((line) => line.replace(/^\s*\* ?/, '').trimEnd());
    const indent = /^[ \t]*/.exec(m[2])[0].length;
    found.push({
      text: lines.join('\n').trim(),
      code: m[2].trim(),
      indent,
      at: m.index,
    });
  }
  return found;
}

/** Text before the tags, and the tags. */
function split(text) {
  const [before, ...rest] = text.split(/(?:^|(?<=\.) )@/m);
  const tags = rest.map((tag) => {
    const [, name, value] = /^(\w+)\s*([^]*)$/.exec(tag);
    return { name, value: value.trim().replace(/\s*\n\s*/g, ' ') };
  });
  return { text: before.trim(), tags };
}

/** `{type} name rest` of a tag; the type's braces may nest. */
function typed(value) {
  let depth = 0;
  let at = 0;
  do {
    depth += value[at] === '{' ? 1 : value[at] === '}' ? -1 : 0;
    at++;
  } while (depth && at < value.length);
  const type = value.slice(1, at - 1).replace(/import\('[^']*'\)\./g, '');
  const [, name, rest] = /^\s*(\[?[\w.]+\]?)\s*([^]*)$/.exec(
    value.slice(at),
  ) ?? [, '', ''];
  return {
    type: type.trim(),
    name: name.replace(/[[\]]/g, ''),
    rest,
    optional: name[0] === '[',
  };
}

const cell = (text) => text.replaceAll('|', '\\|');

function table(tags, kind) {
  const rows = tags
    .filter(({ name }) => name === kind)
    .map(({ value }) => typed(value));
  if (!rows.length) {
    return '';
  }
  const lines = rows.map(
    ({ name, type, rest }) =>
      `| \`${name}\` | \`${cell(type)}\` | ${cell(rest)} |`,
  );
  return ['| name | type | |', '| --- | --- | --- |', ...lines].join('\n');
}

/** Names of the parameters of a method, from its tags. */
const signature = (name, tags) =>
  `${name}(${tags
    .filter((tag) => tag.name === 'param')
    .map(({ value }) => typed(value))
    .map((p) => (p.optional ? `[${p.name}]` : p.name))
    .join(', ')})`;

function returns(tags) {
  const tag = tags.find(({ name }) => name === 'returns');
  if (!tag) {
    return '';
  }
  const [, type, rest] = /^\{([^]*)\}\s*([^]*)$/.exec(tag.value);
  return `Returns \`${type.replace(/import\('[^']*'\)\./g, '')}\`${rest ? ': ' + rest : ''}.`;
}

const block = (...pieces) => pieces.filter(Boolean).join('\n\n');

/** Public members of a class: what is documented, and not `#private`. */
function members(source, name) {
  const start = source.indexOf(`class ${name}`);
  const end = source.indexOf('\n}\n', start);
  const out = [];
  for (const { text, code, indent, at } of comments(source)) {
    const { text: prose, tags } = split(text);
    const [, member] = /^(?:async |static |get |\*)*([\w.]+)/.exec(code) ?? [];
    const open =
      !/^(async )?\*?#/.test(code) &&
      name + member !== 'PushMessageconstructor';
    const inside = at > start && at < end && indent === 2 && member && open;
    if (!inside || !(prose || tags.some((tag) => tag.name === 'param'))) {
      continue;
    }
    if (member === 'constructor') {
      out.push(
        block(
          `#### \`new ${signature(name, tags)}\``,
          prose,
          table(tags, 'param'),
        ),
      );
    } else if (/\(/.test(code) && !/^get /.test(code)) {
      const title = `#### \`${signature(member, tags)}\``;
      out.push(block(title, prose, table(tags, 'param'), returns(tags)));
    } else {
      out.push(`#### \`${member}\`\n\n${prose}`);
    }
  }
  /* Properties that a constructor sets. */
  const own = /\/\*\* ([^*]+) \*\/\n {4}this\.(\w+) =/g;
  for (let m; (m = own.exec(source.slice(start, end)));) {
    out.push(`#### \`${m[2]}\`\n\n${m[1]}`);
  }
  return out;
}

function entry(source, name) {
  for (const { text, code } of comments(source)) {
    const { text: prose, tags } = split(text);
    const named = tags.find(
      (tag) =>
        (tag.name === 'typedef' && typed(tag.value).name === name) ||
        (tag.name === 'callback' && tag.value.split(' ')[0] === name),
    );
    const about = named ? (typed(named.value).rest ?? '') : '';
    if (named?.name === 'typedef') {
      return block(`### \`${name}\``, about || prose, table(tags, 'property'));
    }
    if (named) {
      const when = named.value.split(' ').slice(1).join(' ');
      return block(
        `### \`${name}\``,
        when,
        table(tags, 'param'),
        returns(tags),
      );
    }
    if (new RegExp(`^export (const|class|function) ${name}\\b`).test(code)) {
      if (code.includes('class')) {
        return block(`### \`${name}\``, prose, ...members(source, name));
      }
      const takes = tags.some((tag) => tag.name === 'param');
      const title = takes ? signature(name, tags) : name;
      return block(
        `### \`${title}\``,
        prose,
        table(tags, 'param'),
        returns(tags),
      );
    }
  }
  throw new Error(`${name} is not documented`);
}

const out = [read('sdk-js.md').trim(), '## Reference'];
for (const [, file, names] of parts) {
  const source = read(`../src/${file}`);
  out.push(...names.map((name) => entry(source, name)));
}
console.log(
  out
    .join('\n\n')
    .replace(/\{@link (\w+)\}/g, '`$1`')
    .replace(/\n{3,}/g, '\n\n'),
);
