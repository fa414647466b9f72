#!/usr/bin/env python3
"""A receiver for kioskd's journals, written from docs/backoffice.md alone."""
import argparse, base64, datetime, hashlib, json, re, socket, sqlite3, ssl, subprocess, sys, tempfile, threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

MAX_BODY = 5 << 20  # a single record may have 4 MiB; the head and some air
MAX_RECORDS = 500
CONFLICT = "https://kioskd.example/problems/conflict"
KIOSK_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,35}")
RECORD_FIELDS = {"seq": int, "session": str, "kind": str, "wall": str, "mono_ns": int, "clock_ok": bool, "body": dict}

SCHEMA = """
CREATE TABLE IF NOT EXISTS journal(kiosk TEXT, epoch TEXT, key TEXT NOT NULL, seq INTEGER NOT NULL,
    frontier BLOB NOT NULL, PRIMARY KEY(kiosk, epoch));
CREATE TABLE IF NOT EXISTS record(kiosk TEXT, epoch TEXT, seq INTEGER, line BLOB, hash BLOB NOT NULL,
    refused TEXT, PRIMARY KEY(kiosk, epoch, seq));
"""

class Problem(Exception):
    def __init__(self, status, title, detail=None, type_="about:blank"):
        super().__init__(f"{status} {title}: {detail}")
        self.status, self.body = status, {"type": type_, "title": title, "status": status}
        if detail:
            self.body["detail"] = detail

# ---- signed notes (c2sp.org/signed-note) ----

def key_hash(name, public):
    return hashlib.sha256(name.encode() + b"\n\x01" + public).digest()[:4]

class Verifier:
    def __init__(self, text):
        self.name, hash_, data = text.split("+", 2)
        raw = base64.b64decode(data, validate=True)
        self.hash = key_hash(self.name, raw[1:])
        if len(raw) != 33 or raw[0] != 1 or self.hash.hex() != hash_:
            raise ValueError("not an Ed25519 key")
        self.key = Ed25519PublicKey.from_public_bytes(raw[1:])

    def open(self, note):
        """Returns the note's text and the line of this key's signature."""
        text, sep, signatures = note.rpartition("\n\n")
        if not sep or not signatures.endswith("\n"):
            raise ValueError("not a signed note")
        text += "\n"
        for line in signatures[:-1].split("\n"):
            dash, name, data = line.split(" ")
            raw = base64.b64decode(data, validate=True)
            if dash != "\u2014":
                raise ValueError("not a signature line")
            if name == self.name and raw[:4] == self.hash:
                self.key.verify(raw[4:], text.encode())
                return text, line + "\n"
        raise ValueError("no signature by the key " + self.name)

class Signer:
    def __init__(self, text):
        private, key, self.name, _, data = text.strip().split("+", 4)
        raw = base64.b64decode(data, validate=True)
        assert (private, key) == ("PRIVATE", "KEY") and len(raw) == 33 and raw[0] == 1
        self.key = Ed25519PrivateKey.from_private_bytes(raw[1:])
        self.hash = key_hash(self.name, self.key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw))

    def line(self, text):
        return f"\u2014 {self.name} {base64.b64encode(self.hash + self.key.sign(text.encode())).decode()}\n"

# ---- the tree (RFC 6962): frontier is a list of the perfect subtrees' roots, largest first ----

def node(left, right):
    return hashlib.sha256(b"\x01" + left + right).digest()

def append(frontier, n, hash_):
    while n % 2 == 1:
        hash_ = node(frontier.pop(), hash_)
        n //= 2
    frontier.append(hash_)

def head(frontier):
    if not frontier:
        return hashlib.sha256(b"").digest()
    h = frontier[-1]
    for f in reversed(frontier[:-1]):
        h = node(f, h)
    return h

# ---- the batch ----

def decompress(data):
    with tempfile.TemporaryFile() as f:
        f.write(data)
        f.seek(0)
        with subprocess.Popen(["zstd", "-dcq"], stdin=f, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as p:
            out = p.stdout.read(MAX_BODY + 1)
    if len(out) > MAX_BODY:
        raise Problem(413, "Too large", f"more than {MAX_BODY} bytes of lines")
    if p.returncode != 0:
        raise Problem(400, "Not a batch", "not zstd")
    return out

def parse(body):
    if not body.endswith(b"\n"):
        raise Problem(400, "Not a batch", "the last line does not end")
    try:
        first, *lines = body[:-1].split(b"\n")
        h = json.loads(first)
        if h["kioskd"] != 1 or not KIOSK_ID.fullmatch(h["epoch"]) or not {"kiosk", "key", "checkpoint"} <= set(h):
            raise ValueError("not a head")
        records = [(json.loads(line), line) for line in lines]
        for r, _ in records:
            if set(r) == {"seq", "withheld", "leaf"} and type(r["seq"]) is int and r["seq"] >= 1:
                if len(base64.b64decode(r["leaf"], validate=True)) != 32:
                    raise ValueError("not a leaf's hash")
            elif set(r) != set(RECORD_FIELDS) or any(type(r[k]) is not t for k, t in RECORD_FIELDS.items()) or r["seq"] < 1:
                raise ValueError("not a record")
        for (a, _), (b, _) in zip(records, records[1:]):
            if b["seq"] <= a["seq"] or (b["seq"] != a["seq"] + 1 and not h.get("again")):
                raise ValueError("numbers do not ascend one by one")
        if len(records) > MAX_RECORDS:
            raise Problem(413, "Too large", f"{len(records)} records")
        return h, records
    except (ValueError, KeyError, TypeError) as e:
        raise Problem(400, "Not a batch", repr(e))

def take(db, h, records, signer, refuse):
    """Takes a batch within the caller's transaction, and returns the answer."""
    kiosk, epoch = h["kiosk"], h["epoch"]
    try:
        verifier = Verifier(h["key"])
    except ValueError as e:
        raise Problem(400, "Not a batch", f"key: {e}")

    row = db.execute("SELECT key, seq, frontier FROM journal WHERE kiosk=? AND epoch=?", (kiosk, epoch)).fetchone()
    known, cursor, blob = row or (h["key"], 0, b"")
    if known != h["key"]:
        raise Problem(409, "Another history of this kiosk", "another key", CONFLICT)
    frontier = [blob[i:i + 32] for i in range(0, len(blob), 32)]

    refused = []
    for r, line in records:
        seq, withheld = r["seq"], r.get("withheld")
        hash_ = base64.b64decode(r["leaf"]) if withheld else hashlib.sha256(b"\x00" + line).digest()
        why = "withheld: " + withheld if withheld else "this office does not take " + r["kind"] if r["kind"] in refuse else None
        keep = None if why else line
        if seq > cursor + 1:
            break  # the cursor in the answer says from where to send
        if seq == cursor + 1:
            db.execute("INSERT INTO record VALUES(?,?,?,?,?,?)", (kiosk, epoch, seq, keep, hash_, why))
            append(frontier, cursor, hash_)
            cursor = seq
        else:
            stored, before = db.execute("SELECT hash, refused FROM record WHERE kiosk=? AND epoch=? AND seq=?",
                                        (kiosk, epoch, seq)).fetchone()
            if stored != hash_:
                raise Problem(409, "Another history of this kiosk", f"record {seq} is another one", CONFLICT)
            if before is None or withheld:
                continue  # what is here stays
            db.execute("UPDATE record SET line=?, refused=? WHERE kiosk=? AND epoch=? AND seq=?",
                       (keep, why, kiosk, epoch, seq))
        if why and not withheld:
            refused.append({"seq": seq, "why": why})

    answer = {"epoch": epoch, "seq": cursor}
    try:
        text, kiosk_line = verifier.open(h["checkpoint"])
        origin, size, root, end = text.split("\n")
        if origin != f"kioskd/{kiosk}/{epoch}" or end or str(int(size)) != size or int(size) < 0:
            raise ValueError("the text is not this journal's")
        root = base64.b64decode(root, validate=True)
    except (ValueError, InvalidSignature) as e:
        raise Problem(400, "Not a batch", f"checkpoint: {e!r}")
    if int(size) == cursor:
        if root != head(frontier):
            raise Problem(409, "Another history of this kiosk", f"another head of {cursor} records", CONFLICT)
        answer["checkpoint"] = text + "\n" + kiosk_line + signer.line(text)

    db.execute("INSERT INTO journal VALUES(?,?,?,?,?) ON CONFLICT(kiosk, epoch) DO UPDATE SET seq=excluded.seq, "
               "frontier=excluded.frontier", (kiosk, epoch, known, cursor, b"".join(frontier)))
    if refused:
        answer["refused"] = refused
    answer["time"] = datetime.datetime.now(datetime.timezone.utc).isoformat().replace("+00:00", "Z")
    return answer

# ---- HTTP ----

class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 120

    def setup(self):
        self.request.settimeout(30)
        self.request = self.server.tls.wrap_socket(self.request, server_side=True)
        super().setup()

    def finish(self):
        try:
            super().finish()
        finally:
            self.request.close()

    def read_body(self):
        if "Content-Length" not in self.headers or int(self.headers["Content-Length"]) > MAX_BODY:
            self.close_connection = True
            raise Problem(413 if "Content-Length" in self.headers else 411, "Too large, or of unknown length")
        return self.rfile.read(int(self.headers["Content-Length"]))

    def batch(self):
        body = self.read_body()
        m = re.fullmatch(r"/v1/kiosks/([^/]+)/journal", self.path)
        if not m:
            raise Problem(404, "Not found", self.path)
        name = [v for rdn in self.request.getpeercert()["subject"] for k, v in rdn if k == "commonName"]
        if not KIOSK_ID.fullmatch(m[1]) or name != [m[1]]:
            raise Problem(403, "Not your journal", f"the certificate is of {name}")
        if self.headers.get("Content-Encoding") != "zstd" or self.headers.get_content_type() != "application/x-ndjson":
            raise Problem(415, "Only application/x-ndjson in zstd")
        h, records = parse(decompress(body))
        if h["kiosk"] != m[1]:
            raise Problem(403, "Not your journal", "the head names another kiosk")
        s = self.server
        with s.lock:
            with s.db:  # commits, or rolls back what raises
                s.db.execute("BEGIN IMMEDIATE")
                answer = take(s.db, h, records, s.signer, s.args.refuse)
            s.count += 1
            lose = s.args.reset_after and s.count % s.args.reset_after == 0
        seqs = f"{records[0][0]['seq']}..{records[-1][0]['seq']}" if records else "none"
        self.log_message("batch %s: cursor %d, refused %d%s%s", seqs, answer["seq"], len(answer.get("refused", [])),
                         "" if "checkpoint" in answer else ", not signed", ", answer lost" if lose else "")
        return None if lose else answer

    def do_POST(self):
        try:
            status, kind, answer = 200, "application/json", self.batch()
        except Problem as p:
            status, kind, answer = p.status, "application/problem+json", p.body
            self.log_message("%s", p)
        except Exception as e:
            self.log_error("%r", e)
            self.close_connection = True
            status, kind, answer = 500, "application/problem+json", Problem(500, "Trouble here").body
        if answer is None:  # --reset-after
            self.close_connection = True
            self.request.shutdown(socket.SHUT_RDWR)
            return
        data = json.dumps(answer, ensure_ascii=False).encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

def main():
    p = argparse.ArgumentParser()
    for name in ("listen", "cert", "key", "ca", "signer", "db"):
        p.add_argument("--" + name, required=True)
    p.add_argument("--refuse", action="append", default=[], metavar="KIND")
    p.add_argument("--reset-after", type=int, default=0, metavar="N")
    args = p.parse_args()
    host, port = args.listen.rsplit(":", 1)
    server = ThreadingHTTPServer((host, int(port)), Handler)
    server.daemon_threads = True
    server.args, server.count, server.lock = args, 0, threading.Lock()
    with open(args.signer) as f:
        server.signer = Signer(f.read())
    server.db = sqlite3.connect(args.db, isolation_level=None, check_same_thread=False)
    server.db.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;" + SCHEMA)
    server.tls = tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.minimum_version = ssl.TLSVersion.TLSv1_3
    tls.load_cert_chain(args.cert, args.key)
    tls.load_verify_locations(args.ca)
    tls.verify_mode = ssl.CERT_REQUIRED
    print("serving on", args.listen, file=sys.stderr)
    server.serve_forever()

if __name__ == "__main__":
    main()
