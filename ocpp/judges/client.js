// A charger of another hand: npm ocpp-rpc, which checks every message by the official schemas, in both directions.
// Usage: node strict.js URL IDENTITY PASSWORD
const { RPCClient } = require('ocpp-rpc');
const [endpoint, identity, password] = process.argv.slice(2);
const cli = new RPCClient({ endpoint, identity, password, protocols: ['ocpp1.6'], strictMode: true });
const say = (...a) => console.log(...a);
cli.on('strictValidationFailure', e => { say('STRICT', e.messageId, JSON.stringify(e.error && e.error.details || e)); });
cli.handle('GetConfiguration', () => ({ configurationKey: [] }));
cli.handle('ChangeConfiguration', ({ params }) => ({ status: params.key === 'MeterValuesSampledData' &&
  params.value.includes('Voltage') ? 'Rejected' : 'Accepted' }));
cli.handle('TriggerMessage', () => ({ status: 'NotImplemented' }));
let transaction;
cli.handle('RemoteStopTransaction', async ({ params }) => {
  setTimeout(async () => {
    await cli.call('StopTransaction', { transactionId: params.transactionId, meterStop: 2260010,
      timestamp: new Date().toISOString(), reason: 'Remote' });
    say('ended');
    await cli.close();
  }, 10);
  return { status: params.transactionId === transaction ? 'Accepted' : 'Rejected' };
});
cli.handle('RemoteStartTransaction', async ({ params }) => {
  const r = await cli.call('StartTransaction', { connectorId: params.connectorId, idTag: params.idTag,
    meterStart: 2259988, timestamp: new Date().toISOString() });
  transaction = r.transactionId;
  say('started', r.idTagInfo.status, r.transactionId);
  await cli.call('MeterValues', { connectorId: 1, transactionId: transaction, meterValue: [{
    timestamp: new Date().toISOString(), sampledValue: [{ value: '2260000', context: 'Sample.Periodic',
      measurand: 'Energy.Active.Import.Register', unit: 'Wh' }] }] });
  say('measured');
  return { status: 'Accepted' };
});
(async () => {
  await cli.connect();
  const boot = await cli.call('BootNotification', { chargePointVendor: 'Strict', chargePointModel: 'npm' });
  say('boot', boot.status, typeof boot.currentTime, boot.interval);
  await cli.call('Heartbeat', {});
  await cli.call('StatusNotification', { connectorId: 1, errorCode: 'NoError', status: 'Preparing' });
  const auth = await cli.call('Authorize', { idTag: 'NOBODY' });
  say('authorize', auth.idTagInfo.status);
})().catch(e => { say('FAILED', e.code || '', e.message); process.exit(1); });
