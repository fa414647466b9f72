#!/usr/bin/python3
import subprocess, sys, time, os, json, threading, re, shutil, signal, socket
from slave import *
K = __import__('os').environ['KIOSKD']
BASE = __import__('os').environ['RUNS']
class Rig:
    def __init__(s, name, model='SDM630', bays=1, wh=1234567.0, units=None, extra=lambda y: y, framing='pty', port=0):
        s.name = name; s.dir = os.path.join(BASE, re.sub(r'\W+', '_', name)); shutil.rmtree(s.dir, ignore_errors=True); os.makedirs(s.dir)
        s.m = Meter(model, power=0, wh=wh); s.slave = Slave({1: s.m}, 'tcp' if framing == 'tcp' else 'rtu')
        if framing == 'pty': s.slave.serve_pty(s.dir + '/mymeter'); addr = 'serial://' + s.dir + '/mymeter'
        else: s.slave.serve_tcp(port); addr = ('tcp' if framing == 'tcp' else 'rtu+tcp') + '://127.0.0.1:%d' % port
        s.cfg = s.dir + '/kioskd.yaml'; s.lines = []; s.closed = False; s.model = model
        s.site = subprocess.Popen([K, 'simulate', 'site', '--config', s.cfg, '--bays', str(bays)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=open(s.dir + '/site.err', 'w'), text=True, bufsize=1)
        threading.Thread(target=s.pump, daemon=True).start()
        s.await_(lambda: any('site is ready' in l for l in s.lines), s.site)
        y = open(s.cfg).read()
        y, n = re.subn(r'meter: \{address: "serial://[^"]*/meters", unit: 1, model: SDM630\}', 'meter: {address: "%s", unit: 1, model: %s}' % (addr, model), y)
        if n != 1: raise ValueError('the meter of bay 1 is not in the configuration as it is looked for')
        y = y.replace('required: true', 'required: false'); y = extra(y)
        open(s.cfg, 'w').write(y)
        s.daemon = None
    def pump(s):
        for l in s.site.stdout:
            s.lines.append(l.rstrip())
            if 'bay 1: click' in l:
                s.closed = 'closed' in l; s.m.energy(); s.m.power = 22000.0 if s.closed else 0.0
    def until(s, f, t):
        end = time.monotonic() + t
        while time.monotonic() < end:
            if f(): return True
            time.sleep(0.05)
        return False
    def start(s):
        s.daemon = subprocess.Popen([K, 'run', '--config', s.cfg], stdout=open(s.dir + '/daemon.out', 'a'), stderr=subprocess.STDOUT)
        s.await_(s.serves, s.daemon); return True
    def serves(s): # the socket's file outlives a killed daemon; a connection does not
        with socket.socket(socket.AF_UNIX) as c: return c.connect_ex(s.dir + '/ui.sock') == 0
    def await_(s, f, p): # as long as the process lives: a slow machine is no verdict
        while not f():
            if p.poll() is not None: raise RuntimeError('%s ended with %d' % (p.args[1:3], p.returncode))
            time.sleep(0.05)
    def say(s, t): s.site.stdin.write(t + '\n'); s.site.stdin.flush()
    def charge(s):
        s.say('visit 1')
        s.await_(lambda: s.closed or any('visit is over' in l for l in s.lines), s.daemon); ok = s.closed
        s.wh0 = s.m.wh; return ok
    def over(s, t): return s.until(lambda: any('visit is over' in l for l in s.lines), t)
    def kill(s): s.daemon.send_signal(signal.SIGKILL); s.daemon.wait()
    def end(s):
        for p in (s.daemon, s.site):
            if p and p.poll() is None:
                p.terminate()
        for p in (s.daemon, s.site):
            if p:
                try: p.wait(25)
                except subprocess.TimeoutExpired: p.kill()
        s.slave.stop = True
    def journal(s):
        p = subprocess.run([K, 'journal', 'export', '--config', s.cfg], capture_output=True, text=True)
        out = []
        for l in p.stdout.splitlines():
            try: out.append(json.loads(l))
            except ValueError: pass
        s.raw = p.stdout; open(s.dir + '/journal.jsonl', 'w').write(p.stdout + p.stderr)
        return out
    def report(s):
        j = s.journal(); text = []
        for r in j:
            e = r['body']; k = r['kind']
            if k in ('fault_raised', 'fault_cleared'):
                if e.get('fault') != 'PT001': text.append('%s%s' % ('+' if k == 'fault_raised' else '-', e.get('fault')))
            if k == 'stop_intent': text.append('stop:%s' % e.get('reason'))
            if k == 'meter_end': text.append('meter_end(%s %s)' % (e.get('source'), (e.get('error') or '')[:80]))
            if k == 'bill':
                b = e.get('bill') or {}
                text.append('BILLED %s Wh %s [%s..%s]' % (b.get('energy_wh'), (b.get('total') or {}).get('amount'), b.get('from_wh', b.get('from')), b.get('to_wh', b.get('to'))))
            if k == 'alert': text.append('alert:%s %s' % (e.get('rule'), (e.get('error') or '')[:60]))
            if k in ('adopted', 'session_adopted'): text.append('adopted@%s' % (e.get('reading') or {}).get('import_wh'))
            if k in ('released', 'release_intent'): text.append(k)
        true = s.m.wh - getattr(s, 'wh0', s.m.wh)
        return '%-44s true=%7.1f Wh | %s' % (s.name, true, ' ; '.join(text))
