// A central system of another hand: npm ocpp-rpc, which checks every message by the official schemas, in both
// directions. It sells once, and says what it sees.
// Usage: node central.js PORT
const { RPCServer, createRPCError } = require('ocpp-rpc');
const port = Number(process.argv[2]);
const server = new RPCServer({ protocols: ['ocpp1.6'], strictMode: true });
const say = (...a) => console.log(...a);
server.auth((accept, reject, handshake) => {
  say('connects', handshake.identity, handshake.password ? handshake.password.toString() : '');
  accept({});
});
server.on('client', client => {
  client.on('strictValidationFailure', e => say('STRICT', e.messageId, JSON.stringify(e.error && e.error.details || e)));
  const answers = {
    BootNotification: () => ({ status: 'Accepted', currentTime: new Date().toISOString(), interval: 60 }),
    Heartbeat: () => ({ currentTime: new Date().toISOString() }),
  };
  for (const [action, answer] of Object.entries(answers)) client.handle(action, answer);
  let values = 0, asked = false;
  client.handle('StatusNotification', ({ params }) => {
    say('status', params.connectorId, params.status);
    if (params.connectorId === 1 && params.status === 'Preparing' && !asked) { asked = true; setImmediate(sell); }
    if (params.status === 'Finishing') setImmediate(() => server.close());
    return {};
  });
  client.handle('StartTransaction', ({ params }) => {
    say('start', params.connectorId, params.idTag, params.meterStart);
    return { idTagInfo: { status: 'Accepted' }, transactionId: 17 };
  });
  client.handle('MeterValues', ({ params }) => {
    values++;
    if (values === 2) setImmediate(end);
    say('values', params.transactionId, params.meterValue[0].sampledValue.map(s => s.measurand).join());
    return {};
  });
  client.handle('StopTransaction', ({ params }) => {
    say('stop', params.transactionId, params.reason, params.meterStop);
    return { idTagInfo: { status: 'Accepted' } };
  });
  client.handle(({ method }) => { throw createRPCError('NotImplemented', method); });
  const ask = async (action, params) => say(action, (await client.call(action, params)).status);
  const profile = { chargingProfileId: 1, transactionId: 17, stackLevel: 0, chargingProfilePurpose: 'TxProfile',
    chargingProfileKind: 'Relative', chargingSchedule: { chargingRateUnit: 'W', chargingSchedulePeriod: [
      { startPeriod: 0, limit: 22000 }, { startPeriod: 3600, limit: 0 }] } };
  const sell = async () => {
    const all = await client.call('GetConfiguration', {});
    say('settings', all.configurationKey.length > 10);
    await ask('ChangeConfiguration', { key: 'MeterValueSampleInterval', value: '1' });
    await ask('ChangeConfiguration', { key: 'NobodyKnows', value: '1' });
    await ask('TriggerMessage', { requestedMessage: 'StatusNotification', connectorId: 1 });
    await ask('ClearCache', {});
    await ask('RemoteStopTransaction', { transactionId: 4711 });
    await ask('RemoteStartTransaction', { connectorId: 1, idTag: '7GK2M4Q' });
  };
  const end = async () => {
    await ask('SetChargingProfile', { connectorId: 1, csChargingProfiles: profile });
    await ask('ChangeAvailability', { connectorId: 1, type: 'Inoperative' });
    await ask('ChangeAvailability', { connectorId: 1, type: 'Operative' });
    await ask('RemoteStopTransaction', { transactionId: 17 });
  };
});
server.listen(port, '127.0.0.1').then(() => say('listens'));
