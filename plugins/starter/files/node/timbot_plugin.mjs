// What a plugin of timbot is made of, in Node.
//
//   import { Plugin } from './timbot_plugin.mjs';
//
//   const plugin = new Plugin('weather', '1.0.0');
//
//   export const forecast = plugin.action('forecast', async ({ city, days = 1 }, call) => {
//     return { text: `${city}: sunny for ${days} days` };
//   });
//
//   plugin.serve(import.meta.url);
//
// The inputs and outputs are those of plugin.yaml. A rule that says `weather.forecast: {city: Shenzhen}` calls the function.
// call.signal is an AbortSignal: when nobody waits for the answer any more it is aborted, and the call ends at once; give it to
// whatever takes one, such as fetch. Whole numbers are exact up to 2^53: declare longer ones as text.
//
// This file is the plugin's own copy. It speaks version 1 of the protocol, which plugin.proto beside it describes.

import { generateKeyPairSync, randomBytes, sign, X509Certificate } from 'node:crypto';
import { realpathSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import grpc from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';

const cookie = '1b7e5a40-plugin';
const maxMessage = 4 << 20; // bytes of a message of gRPC
const maxLog = 8 << 10; // bytes of a line for the log
const maxWaiting = 1000; // lines for the log that the bot has not taken; further ones are lost

// PluginError is an error that tells rules more than its text: code is a word for rules (steps.ID.error.code), lower_snake_case;
// text a sentence for people, without secrets and without text of messages. final: the same call fails again, the step's retry
// leaves it. retryAfter is in milliseconds. unsettled: nobody knows whether the effect happened. Calls back throw it too.
export class PluginError extends Error {
  constructor(code, text, { final = false, retryAfter = 0, unsettled = false } = {}) {
    super(`${code}: ${text}`);
    Object.assign(this, { code, text, final, retryAfter, unsettled });
  }
}

// Bot is the bot that a plugin may ask, as far as plugin.yaml says and the bot's file grants; what is not granted is a
// PluginError with the code forbidden.
class Bot {
  #session;
  #call;

  constructor(session, call) {
    this.#session = session;
    this.#call = call;
    const log = (level) => (text, fields = {}) => session?.log(level, text, fields, call);
    // log writes to the bot's log: bot.log.info('looked up', { count: 3 }). Text of messages belongs to debug alone, secrets nowhere.
    this.log = { debug: log('LEVEL_DEBUG'), info: log('LEVEL_INFO'), warn: log('LEVEL_WARN'), error: log('LEVEL_ERROR') };
  }

  // do has the bot do one of its own actions, and returns what it tells: `timbot actions` lists both.
  do(action, inputs = {}) {
    return this.#ask({ do: { action, input: json(inputs) } });
  }

  // reply answers with a text in the call's conversation.
  reply(text) {
    return this.do('reply', { text });
  }

  // send sends a text to a conversation, c2c_USER or group_ID.
  send(conversation, text) {
    return this.do('send', { to: conversation, text });
  }

  // get reads what set kept; null when there is nothing.
  get(key) {
    return this.#ask({ get_state: { key } });
  }

  // set keeps a value for good, under a key of at most 200 bytes, as JSON of at most 64 KiB. null removes the key.
  set(key, value) {
    return this.#ask({ set_state: { key, value: json(value ?? null) } });
  }

  // signal tells the rules on signal.NAME; data becomes event.data.
  signal(name, data) {
    return this.#ask({ signal: { name, data: data === undefined ? Buffer.alloc(0) : json(data) } });
  }

  // unwell tells people that the plugin cannot do its work, and why; it is still called. well takes it back.
  unwell(why) {
    this.#session?.say({ health: { ok: false, text: String(why) } });
  }

  well() {
    this.#session?.say({ health: { ok: true } });
  }

  async #ask(kind) {
    if (!this.#session) throw new PluginError('no_bot', 'there is no bot to ask');
    return this.#session.ask({ call: this.#call, ...kind });
  }
}

// Plugin is what a program serves. name and version are those of its plugin.yaml.
export class Plugin {
  constructor(name, version) {
    Object.assign(this, { name, version, actions: new Map(), own: null });
  }

  // action sets what an action does, and returns the function. Its arguments are the inputs and the call: {effect, again, rule, step,
  // conversation, user, signal, bot, log}. effect names what the call is to achieve, for good: a fine idempotency key. again says
  // that a call with this effect may have been made before, and that its outcome is not known.
  action(name, f) {
    this.actions.set(name, f);
    return f;
  }

  // run sets what the plugin does of its own accord: async (bot, signal), begun once; signal is aborted when it is to stop.
  run(f) {
    this.own = f;
    return f;
  }

  // serve serves the plugin to the bot that started the program, and ends the program when the bot is done with it. It does
  // nothing in a file that another imports, a test for instance: give it import.meta.url.
  serve(url) {
    if (!process.argv[1] || realpathSync(process.argv[1]) !== fileURLToPath(url)) return;
    if (process.env.TIMBOT_PLUGIN !== cookie) {
      console.error(`this is ${this.name} ${this.version}, a plugin of timbot: name its folder under plugins: in a bot's file, ` +
        'and the bot starts it');
      process.exit(1);
    }
    process.on('SIGINT', () => {}); // a person stops the bot, and the bot its plugins
    process.stdin.on('error', () => process.exit(1)).on('end', () => process.exit(1)).resume(); // the bot is gone
    start(this).catch((err) => {
      console.error(err);
      process.exit(1);
    });
  }
}

// callForTest is a call as an action gets it, without a bot: for tests of the function alone.
export function callForTest(more = {}) {
  const bot = new Bot(null, 0);
  const { signal } = new AbortController();
  return { effect: 'test', again: false, rule: '', step: '', conversation: '', user: '', signal, bot, log: bot.log, ...more };
}

async function start(plugin) {
  const file = fileURLToPath(new URL('plugin.proto', import.meta.url));
  const proto = grpc.loadPackageDefinition(loadSync(file, { keepCase: true, longs: String, enums: String, oneofs: true, defaults: true }));
  const server = new grpc.Server({ 'grpc.max_receive_message_length': maxMessage, 'grpc.max_send_message_length': maxMessage });
  const session = new Session(plugin, () => {
    server.tryShutdown(() => process.exit(0));
    setTimeout(() => process.exit(0), 200); // whoever still has a connection
  });
  server.addService(proto.timbot.plugin.v1.Plugin.service, {
    Session: (stream) => session.begin(stream),
    Call: (call, reply) => session.call(call.request).then((r) => reply(null, r)),
  });
  const { key, der } = makeCertificate();
  const own = { private_key: Buffer.from(key), cert_chain: Buffer.from(new X509Certificate(der).toString()) };
  const credentials = grpc.ServerCredentials.createSsl(Buffer.from(process.env.PLUGIN_CLIENT_CERT ?? ''), [own], true);
  const bind = (address) => new Promise((done, fail) => {
    server.bindAsync(address, credentials, (err, port) => (err ? fail(err) : done(port)));
  });
  const say = (network, address) => {
    process.stdout.write(`1|1|${network}|${address}|grpc|${der.toString('base64').replace(/=+$/, '')}\n`);
  };
  const folder = process.env.PLUGIN_UNIX_SOCKET_DIR;
  if (folder && process.platform !== 'win32') {
    const address = join(folder, 'plugin');
    await bind(`unix:${address}`);
    return say('unix', address);
  }
  const [from, to] = [Number(process.env.PLUGIN_MIN_PORT), Number(process.env.PLUGIN_MAX_PORT)];
  for (let port = from; port <= to; port++) {
    const bound = await bind(`127.0.0.1:${port}`).catch(() => 0);
    if (bound) return say('tcp', `127.0.0.1:${port}`);
  }
  throw new Error(`no port from ${from} to ${to} is free`);
}

// Session is the one session of a process.
class Session {
  #plugin;
  #ended;
  #stream = null;
  #calls = new Map(); // id -> AbortController
  #asked = new Map(); // id -> {done, fail}
  #lastID = 0;
  #waiting = []; // messages that the stream has not taken
  #full = false;
  #lost = 0;
  #stopping = false;
  #own = new AbortController();

  constructor(plugin, ended) {
    this.#plugin = plugin;
    this.#ended = ended;
  }

  begin(stream) {
    if (this.#stream) {
      stream.emit('error', { code: grpc.status.FAILED_PRECONDITION, details: 'there is a session already' });
      return;
    }
    this.#stream = stream;
    stream.once('data', (first) => {
      if (first.kind !== 'hello') {
        stream.emit('error', { code: grpc.status.FAILED_PRECONDITION, details: 'the first message must be hello' });
        return;
      }
      stream.on('data', (message) => this.#heard(message));
      this.say({ ready: {
        name: this.#plugin.name, version: this.#plugin.version, actions: [...this.#plugin.actions.keys()], kit: 'timbot-node 1',
      } });
      if (this.#plugin.own) this.#runOwn();
    });
    for (const event of ['end', 'cancelled', 'error', 'close']) stream.on(event, () => this.#end());
    stream.on('drain', () => {
      this.#full = false;
      this.#flush();
    });
  }

  #heard(message) {
    switch (message.kind) {
      case 'ping':
        return this.say({ pong: { id: message.ping.id } });
      case 'cancel':
        return this.#calls.get(message.cancel.call)?.abort();
      case 'answer': {
        const asked = this.#asked.get(message.answer.id);
        this.#asked.delete(message.answer.id);
        if (!asked) return;
        const { error, output } = message.answer;
        if (message.answer.result === 'error') {
          asked.fail(new PluginError(error.code, error.text, { final: error.final, retryAfter: error.retry_after_ms, unsettled: error.unsettled }));
        } else {
          asked.done(output?.length ? JSON.parse(output.toString()) : null);
        }
        return;
      }
      case 'stop':
        this.#stopping = true;
        this.#own.abort();
        this.#endWhenIdle();
    }
  }

  #endWhenIdle() {
    if (this.#stopping && this.#calls.size === 0) {
      this.#stream.end();
      this.#end();
    }
  }

  #end() {
    if (!this.#ended) return;
    const ended = this.#ended;
    this.#ended = null;
    this.#own.abort();
    for (const asked of this.#asked.values()) asked.fail(new PluginError('no_bot', 'the bot is gone'));
    this.#asked.clear();
    ended();
  }

  say(message) {
    this.#waiting.push(message);
    this.#flush();
  }

  #flush() {
    while (!this.#full && this.#waiting.length > 0 && this.#ended) this.#full = !this.#stream.write(this.#waiting.shift());
  }

  log(level, text, fields, call) {
    if (this.#waiting.length >= maxWaiting) {
      this.#lost++;
      return;
    }
    if (this.#lost) {
      const lost = `${this.#lost} lines for the log were lost: the bot did not take them`;
      this.#lost = 0;
      this.say({ log: { level: 'LEVEL_WARN', text: lost } });
    }
    const few = Object.entries(fields).slice(0, 20).map(([key, value]) => [key, cut(value, maxLog)]);
    this.say({ log: { level, text: cut(text, maxLog), fields: Object.fromEntries(few), call } });
  }

  ask(request) {
    return new Promise((done, fail) => {
      if (!this.#ended) throw new PluginError('no_bot', 'the bot is gone');
      const id = String(++this.#lastID);
      this.#asked.set(id, { done, fail });
      this.say({ request: { id, ...request } });
    });
  }

  async #runOwn() {
    const bot = new Bot(this, 0);
    try {
      await this.#plugin.own(bot, this.#own.signal);
    } catch (err) {
      if (this.#own.signal.aborted) return;
      bot.log.error("the plugin's own work ended", { err: String(err) });
      bot.unwell(`its own work ended: ${err}`);
    }
  }

  async call(request) {
    const f = this.#plugin.actions.get(request.action);
    if (!f) {
      const text = `this program has no action ${JSON.stringify(request.action)}: is its plugin.yaml current?`;
      return failed({ code: 'unknown_action', text, final: true });
    }
    if (this.#stopping) return failed({ code: 'stopping', text: 'the plugin is being stopped' });
    let inputs;
    try {
      inputs = JSON.parse(request.input.length ? request.input.toString() : '{}');
      if (inputs === null || typeof inputs !== 'object' || Array.isArray(inputs)) throw new TypeError('no object');
    } catch (err) {
      return failed({ code: 'input', text: `the inputs are not those of this program: ${err.message}`, final: true });
    }
    const abort = new AbortController();
    this.#calls.set(request.id, abort);
    const bot = new Bot(this, request.id);
    const { rule = '', step = '', conversation = '', user = '' } = request.origin ?? {};
    const call = { effect: request.effect_id, again: request.again, rule, step, conversation, user, signal: abort.signal, bot, log: bot.log };
    const cancelled = new Promise((_, fail) => {
      abort.signal.addEventListener('abort', () => fail(new PluginError('cancelled', 'the call was cancelled', { unsettled: true })));
    });
    try {
      const output = await Promise.race([(async () => f(inputs, call))(), cancelled]);
      return { output: json(output ?? {}) };
    } catch (err) {
      if (err instanceof PluginError) return failed(err);
      bot.log.error('the call failed', { action: request.action, err: String(err), stack: err?.stack ?? '' });
      return failed({ code: 'exception', text: String(err), unsettled: true });
    } finally {
      this.#calls.delete(request.id);
      setImmediate(() => this.#endWhenIdle()); // after the answer
    }
  }
}

function failed({ code, text, final = false, retryAfter = 0, unsettled = false }) {
  return { error: { code, text: cut(text, 1000), final, unsettled, retry_after_ms: Math.min(Math.max(Math.round(retryAfter), 0), 86_400_000) } };
}

function json(value) {
  return Buffer.from(JSON.stringify(value, (_, v) => {
    if (typeof v === 'number' && !Number.isFinite(v)) throw new TypeError(`${v} is no number of JSON`);
    return v;
  }));
}

// cut is a text of at most so many bytes that can travel.
function cut(text, most) {
  const bytes = Buffer.from(String(text));
  return bytes.length <= most ? bytes.toString() : bytes.subarray(0, most).toString().replace(/\uFFFD$/, '');
}

// makeCertificate makes a key and a certificate for localhost that signs itself. Node reads X.509 and does not write it, so its few
// fields are put together here, in DER.
export function makeCertificate() {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const der = (tag, ...parts) => {
    const body = Buffer.concat(parts);
    const n = body.length;
    const size = n < 0x80 ? [n] : n < 0x100 ? [0x81, n] : [0x82, n >> 8, n & 0xff];
    return Buffer.concat([Buffer.from([tag, ...size]), body]);
  };
  const seq = (...parts) => der(0x30, ...parts);
  const oid = (...bytes) => der(0x06, Buffer.from(bytes));
  const text = (s) => Buffer.from(s, 'ascii');
  const extension = (id, critical, value) => seq(id, ...(critical ? [der(0x01, Buffer.from([0xff]))] : []), der(0x04, value));
  const ecdsaWithSHA256 = seq(oid(0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02));
  const name = seq(der(0x31, seq(oid(0x55, 0x04, 0x03), der(0x0c, text('localhost')))));
  const serial = randomBytes(15);
  serial[0] = serial[0] & 0x7f | 0x40; // above 0, and as short as can be
  const body = seq(
    der(0xa0, der(0x02, Buffer.from([2]))), // version 3
    der(0x02, serial),
    ecdsaWithSHA256,
    name,
    seq(der(0x17, text('700101000000Z')), der(0x18, text('99991231235959Z'))),
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, seq(
      extension(oid(0x55, 0x1d, 0x13), true, seq(der(0x01, Buffer.from([0xff])))), // basicConstraints: a CA
      extension(oid(0x55, 0x1d, 0x11), false, seq(der(0x82, text('localhost')))), // subjectAltName
      extension(oid(0x55, 0x1d, 0x25), false, seq( // extendedKeyUsage: server and client
        oid(0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x01), oid(0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x02))),
    )),
  );
  const signature = sign('sha256', body, privateKey);
  return {
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }),
    der: seq(body, ecdsaWithSHA256, der(0x03, Buffer.from([0]), signature)),
  };
}
