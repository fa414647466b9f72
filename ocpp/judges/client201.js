// A charger of another hand, of OCPP 2.0.1: npm ocpp-rpc, which checks every message by the official schemas.
// Usage: node client201.js URL IDENTITY PASSWORD
const { RPCClient } = require('ocpp-rpc');
const [endpoint, identity, password] = process.argv.slice(2);
const cli = new RPCClient({ endpoint, identity, password, protocols: ['ocpp2.0.1'], strictMode: true });
const say = (...a) => console.log(...a);
cli.on('strictValidationFailure', e => say('STRICT', e.messageId, JSON.stringify(e.error && e.error.details || e)));
const now = () => new Date().toISOString();
const value = (wh, context) => ({ timestamp: now(), sampledValue: [{ value: wh / 1000, context,
  measurand: 'Energy.Active.Import.Register', unitOfMeasure: { unit: 'Wh', multiplier: 3 } }] });
const transactionId = 'TX-0001';
const settings = 17; // that a central system writes: the transaction ends once it has
let seqNo = 0, written = 0;
const event = (eventType, triggerReason, chargingState, more = {}, info = {}) => cli.call('TransactionEvent', {
  eventType, timestamp: now(), triggerReason, seqNo: seqNo++, evse: { id: 1, connectorId: 1 },
  transactionInfo: { transactionId, chargingState, ...info }, ...more });
cli.handle('GetVariables', ({ params }) => ({ getVariableResult: params.getVariableData.map(d => ({ ...d,
  attributeStatus: d.component.name === 'AuthCtrlr' ? 'Accepted' : 'UnknownVariable',
  ...(d.component.name === 'AuthCtrlr' ? { attributeValue: 'true' } : {}) })) }));
cli.handle('SetVariables', ({ params }) => { written++; return { setVariableResult: params.setVariableData.map(d => ({
  component: d.component, variable: d.variable,
  attributeStatus: d.component.name === 'LocalAuthListCtrlr' ? 'UnknownComponent' : 'Accepted' })) }; });
cli.handle('TriggerMessage', () => ({ status: 'NotImplemented' }));
cli.handle('SetChargingProfile', ({ params }) => { say('profile', params.evseId, params.chargingProfile.transactionId,
  params.chargingProfile.chargingSchedule[0].chargingSchedulePeriod[1].limit); return { status: 'Accepted' }; });
cli.handle('RequestStopTransaction', ({ params }) => {
  const end = async () => {
    if (written < settings) return setTimeout(end, 10);
    await event('Ended', 'RemoteStop', 'EVConnected', { meterValue: [value(2260010, 'Transaction.End')] },
      { stoppedReason: 'Remote' });
    say('ended', written);
    await cli.close();
  };
  setTimeout(end, 10);
  return { status: params.transactionId === transactionId ? 'Accepted' : 'Rejected' };
});
cli.handle('RequestStartTransaction', async ({ params }) => {
  const first = { idToken: params.idToken, meterValue: [value(2259988, 'Transaction.Begin')] };
  const r = await event('Started', 'RemoteStart', 'Charging', first, { remoteStartId: params.remoteStartId });
  say('started', r.idTokenInfo.status, params.idToken.type);
  await event('Updated', 'MeterValuePeriodic', 'Charging', { meterValue: [value(2260000, 'Sample.Periodic')] });
  say('measured');
  return { status: 'Accepted', transactionId };
});
(async () => {
  await cli.connect();
  const boot = await cli.call('BootNotification', { reason: 'PowerUp',
    chargingStation: { vendorName: 'Strict', model: 'npm' } });
  say('boot', boot.status, typeof boot.currentTime, boot.interval);
  await cli.call('Heartbeat', {});
  await cli.call('StatusNotification', { timestamp: now(), evseId: 1, connectorId: 1, connectorStatus: 'Occupied' });
  const auth = await cli.call('Authorize', { idToken: { idToken: 'NOBODY', type: 'Central' } });
  say('authorize', auth.idTokenInfo.status);
})().catch(e => { say('FAILED', e.code || '', e.message); process.exit(1); });
