// Holds frames of OCPP, one a line on standard input, to the official schemas (npm typed-ocpp), each result to that of
// its call. Says each that does not fit, and at the end how many there were.
// Usage: node frames.js 16|20|21
const all = require('typed-ocpp');
const judge = all['OCPP' + process.argv[2]];
const calls = new Map();
let n = 0, wrong = 0;
require('readline').createInterface({ input: process.stdin }).on('line', line => {
  const frame = JSON.parse(line);
  n++;
  let errors = judge.validate(frame) ? [] : judge.validate.errors;
  if (!errors.length && frame[0] === 2) calls.set(frame[1], frame);
  const call = calls.get(frame[1]);
  if (!errors.length && frame[0] === 3 && call && !judge.checkCallResult(frame, call)) {
    errors = judge.checkCallResult.errors;
  }
  if (errors.length) { wrong++; console.log(line, errors.join('; ')); }
}).on('close', () => { console.log(n, 'frames,', wrong, 'wrong'); process.exit(wrong ? 1 : 0); });
