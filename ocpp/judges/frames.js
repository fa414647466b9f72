// Holds frames of OCPP 1.6-J, one a line on standard input, to the official schemas (npm typed-ocpp), each result to
// that of its call. Says each that does not fit, and at the end how many there were.
const { OCPP16 } = require('typed-ocpp');
const calls = new Map();
let n = 0, wrong = 0;
require('readline').createInterface({ input: process.stdin }).on('line', line => {
  const frame = JSON.parse(line);
  n++;
  let errors = OCPP16.validate(frame) ? [] : OCPP16.validate.errors;
  if (!errors.length && frame[0] === 2) calls.set(frame[1], frame);
  const call = calls.get(frame[1]);
  if (!errors.length && frame[0] === 3 && call && !OCPP16.checkCallResult(frame, call)) {
    errors = OCPP16.checkCallResult.errors;
  }
  if (errors.length) { wrong++; console.log(line, errors.join('; ')); }
}).on('close', () => { console.log(n, 'frames,', wrong, 'wrong'); process.exit(wrong ? 1 : 0); });
