'use strict';

const fs = require('node:fs');
const path = require('node:path');

/** The version of the Node headers in <prefix>/include/node, as 'v20.1.2'; undefined without. */
function headerVersion(prefix) {
  const file = path.join(prefix, 'include', 'node', 'node_version.h');
  if (!fs.existsSync(file)) return undefined;
  const text = fs.readFileSync(file, 'utf8');
  const part = (name) => new RegExp(`#define NODE_${name}_VERSION (\\d+)`).exec(text)?.[1];
  return `v${part('MAJOR')}.${part('MINOR')}.${part('PATCH')}`;
}

/** The prefix whose headers belong to the running Node, undefined when this machine has none. */
function headerPrefix() {
  const besideNode = path.dirname(path.dirname(fs.realpathSync(process.execPath)));
  const candidates = [besideNode, process.env.npm_config_nodedir];
  return candidates.find((prefix) => prefix && headerVersion(prefix) === process.version);
}

module.exports = { headerPrefix };
