// A central system of another hand, of OCPP 2.0.1: npm ocpp-rpc, which checks every message by the official schemas. It
// sells once, and says what it sees.
// Usage: node central201.js PORT
const { RPCServer, createRPCError } = require('ocpp-rpc');
const server = new RPCServer({ protocols: ['ocpp2.0.1'], strictMode: true });
const say = (...a) => console.log(...a);
server.auth((accept, reject, handshake) => { say('connects', handshake.identity); accept({}); });
server.on('client', client => {
  client.on('strictValidationFailure', e => say('STRICT', e.messageId, JSON.stringify(e.error && e.error.details || e)));
  client.handle('BootNotification', ({ params }) => { say('boot', params.reason, params.chargingStation.model);
    return { status: 'Accepted', currentTime: new Date().toISOString(), interval: 60 }; });
  client.handle('Heartbeat', () => ({ currentTime: new Date().toISOString() }));
  let updates = 0, asked = false, transaction;
  const variable = (component, name) => ({ component: { name: component }, variable: { name } });
  client.handle('StatusNotification', ({ params }) => {
    say('status', params.evseId, params.connectorStatus);
    if (params.evseId === 1 && params.connectorStatus === 'Occupied' && !asked) { asked = true; setImmediate(sell); }
    return {};
  });
  client.handle('TransactionEvent', ({ params }) => {
    const register = params.meterValue && params.meterValue[0].sampledValue[0].value;
    transaction = params.transactionInfo.transactionId;
    say('event', params.eventType, params.seqNo, params.idToken ? params.idToken.idToken : '-', register,
      params.transactionInfo.stoppedReason || '');
    if (params.eventType === 'Updated' && ++updates === 2) setImmediate(end);
    if (params.eventType === 'Ended') setTimeout(() => server.close(), 300);
    return params.eventType === 'Started' ? { idTokenInfo: { status: 'Accepted' } } : {};
  });
  client.handle(({ method }) => { throw createRPCError('NotImplemented', method); });
  const sell = async () => {
    const got = await client.call('GetVariables', { getVariableData: [variable('AuthCtrlr', 'LocalPreAuthorize'),
      variable('Nobody', 'Knows')] });
    say('variables', got.getVariableResult.map(r => r.attributeStatus).join());
    const set = await client.call('SetVariables', { setVariableData: [{ ...variable('SampledDataCtrlr',
      'TxUpdatedInterval'), attributeValue: '1' }] });
    say('set', set.setVariableResult[0].attributeStatus);
    say('start', (await client.call('RequestStartTransaction', { evseId: 1, remoteStartId: 7,
      idToken: { idToken: '7GK2M4Q', type: 'Central' } })).status);
  };
  const end = async () => {
    say('profile', (await client.call('SetChargingProfile', { evseId: 1, chargingProfile: { id: 1, stackLevel: 0,
      chargingProfilePurpose: 'TxProfile', chargingProfileKind: 'Relative', transactionId: transaction,
      chargingSchedule: [{ id: 1, chargingRateUnit: 'W', chargingSchedulePeriod: [{ startPeriod: 0, limit: 22000 },
        { startPeriod: 3600, limit: 0 }] }] } })).status);
    say('stop', (await client.call('RequestStopTransaction', { transactionId: transaction })).status);
  };
});
server.listen(Number(process.argv[2]), '127.0.0.1').then(() => say('listens'));
