// A central system of another hand, of OCPP 2.1: npm ocpp-rpc, which checks every message by the official schemas. It
// says what comes as JSON, a line each, and does what it reads, a line each:
//   call ACTION PAYLOAD    asks the station, and says the answer
//   refuse ACTION N        answers the next N with an error
//   mute ACTION N          takes the next N, and closes the connection in place of an answer
//   answer ACTION PAYLOAD  answers so from now on
//   drop                   closes the connection
// Usage: node csms21.js PORT
const { RPCServer, createValidator, createRPCError } = require('ocpp-rpc');
// The schemas of 2.1 are found by the names of 1.6 and 2.0.1 only.
const official = require('ocpp-rpc/lib/schemas/ocpp2_1.json');
for (const s of official) for (const d of Object.values(s.definitions || {})) {
  if (d.type === 'string') delete d.additionalProperties; // which says nothing of a text, and is warned of
}
const schemas = official.map(s => ({ ...s,
  $id: s.$id.replace(/Request$/, '.req').replace(/Response$/, '.conf') }));
const server = new RPCServer({ protocols: ['ocpp2.1'], strictMode: true,
  strictModeValidators: [createValidator('ocpp2.1', schemas)] });
const say = (what, more) => console.log(JSON.stringify({ what, ...more }));
const answers = { BootNotification: () => ({ status: 'Accepted', currentTime: new Date().toISOString(), interval: 300 }),
  Heartbeat: () => ({ currentTime: new Date().toISOString() }),
  Authorize: () => ({ idTokenInfo: { status: 'Accepted' } }) };
const refuse = {}, mute = {};
let client;
server.auth((accept, reject, handshake) => accept({ password: handshake.password && handshake.password.toString() }));
server.on('client', c => {
  client = c;
  say('connects', { identity: c.identity, protocol: c.protocol, password: c.session.password });
  c.on('strictValidationFailure', e => say('STRICT', { error: String(e.error && e.error.message),
    details: JSON.stringify(e.error && e.error.details) }));
  c.on('close', () => say('closed'));
  c.handle(({ method, params }) => {
    say('call', { action: method, payload: params });
    if (mute[method] > 0) { mute[method]--; c.close({ force: true }); return new Promise(() => {}); }
    if (refuse[method] > 0) { refuse[method]--; throw createRPCError('InternalError', 'as it was told'); }
    return (answers[method] || (() => ({})))(params);
  });
});
server.listen(Number(process.argv[2]), '127.0.0.1').then(() => say('listens'));
require('readline').createInterface({ input: process.stdin }).on('line', async line => {
  const [, word, action, rest] = /^(\S+) ?(\S*) ?(.*)$/.exec(line);
  if (word === 'refuse') refuse[action] = Number(rest);
  if (word === 'mute') mute[action] = Number(rest);
  if (word === 'answer') answers[action] = () => JSON.parse(rest);
  if (word === 'drop') client.close({ force: true });
  if (word === 'call') {
    try { say('result', { action, payload: await client.call(action, JSON.parse(rest)) });
    } catch (e) { say('error', { action, code: e.rpcErrorCode || e.code, text: e.message }); }
  }
}).on('close', () => server.close({ force: true }).then(() => process.exit(0)));
