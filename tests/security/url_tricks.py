"""URLs that want a server to connect where it must not: every one is refused before the resolver."""

# ruff: noqa: E501, RUF001, S104 - a corpus: its lines are data, its odd letters are the point

from __future__ import annotations

from collections.abc import Iterator

GOOD = "files.oaiusercontent.com"

_INSIDE = (
    "127.0.0.1", "127.1", "127.0.1", "0.0.0.0", "0", "localhost", "LOCALHOST", "localhost.",
    "localhost.localdomain", "2130706433", "0x7f000001", "0x7f.0x0.0x0.0x1", "017700000001",
    "0177.0.0.1", "0177.0000.0000.0001", "127.0.0.1.", "127.000.000.001", "0x7f.1", "127.0x1",
    "127.0.0.1.nip.io", "localtest.me", "10.0.0.1", "0xa.0.0.1", "012.0.0.1", "167772161",
    "172.16.0.1", "172.31.255.254", "192.168.0.1", "192.168.1.1.xip.io", "3232235521",
    "0xc0a80001", "100.64.0.1", "169.254.169.254", "2852039166", "0xa9fea9fe", "0251.0376.0251.0376",
    "0xa9.0xfe.0xa9.0xfe", "169.254.43518", "169.16689662", "425.510.425.510", "7147006462",
    "169.254.169.254.", "169.254.170.2", "169.254.169.123", "168.63.129.16", "100.100.100.200",
    "192.0.0.192", "metadata", "metadata.google.internal", "metadata.google.internal.",
    "instance-data", "instance-data.ec2.internal", "kubernetes.default.svc", "consul.service.consul",
    "redis", "attachments", "gateway", "host.docker.internal", "gateway.docker.internal",
    "224.0.0.1", "255.255.255.255", "240.0.0.1", "198.18.0.1", "192.0.2.1", "192.88.99.1",
    "[::1]", "[::]", "[0:0:0:0:0:0:0:1]", "[0000::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]",
    "[::127.0.0.1]", "[::ffff:169.254.169.254]", "[::ffff:a9fe:a9fe]", "[64:ff9b::7f00:1]",
    "[64:ff9b::169.254.169.254]", "[64:ff9b:1::a00:1]", "[2002:7f00:1::]", "[2002:a9fe:a9fe::]",
    "[2001:0:7f00:1::]", "[fe80::1]", "[fe80::1%25eth0]", "[fe80::1%eth0]", "[fc00::1]",
    "[fd00:ec2::254]", "[fec0::1]", "[ff02::1]", "[2001:db8::1]", "[100::1]", "[::ffff:0:127.0.0.1]",
    "[::1", "::1", "[::1]]", "[v1.x]", "[127.0.0.1]",
    "\uff11\uff12\uff17.0.0.1", "127\u30020\u30020\u30021", "127\uff0e0\uff0e0\uff0e1",
    "127\uff610\uff610\uff611", "\u2460\u2461\u2466.\u24ea.\u24ea.\u2460", "\u2488\u2488\u2488\u2488",
    "\u0661\u0662\u0667.0.0.1", "\u2113ocalhost", "loc\u00adalhost", "ｌｏｃａｌｈｏｓｔ", "127。0。0。1",
    "%6c%6f%63alhost", "127%2e0%2e0%2e1", "%31%32%37.0.0.1", "lo%00calhost", "localhost%00", "",
)  # fmt: skip

_LOOKS_GOOD = (
    "oaiusercontent.com", "evil.oaiusercontent.com", "files.oaiusercontent.com.evil.example",
    "files.oaiusercontent.com.", "files.oaiusercontent.com..", ".files.oaiusercontent.com",
    "filesoaiusercontent.com", "xfiles.oaiusercontent.com", "files-oaiusercontent.com",
    "files.oaiusercontent.co", "files.oaiusercontent.comm", "files.oaiusercontent.com.127.0.0.1",
    "files.oaiusercontent.com.nip.io", "files..oaiusercontent.com", "files.oaiusercontent..com",
    "a.files.oaiusercontent.com", "files.a.oaiusercontent.com", "FILES.OAIUSERCONTENT.COM",
    "Files.oaiusercontent.com", "files.oaiusercontent.com%2eevil.example",
    "files.oaiusercontent.com%00.evil.example", "files.oaiusercontent.com\x00.evil.example",
    "files.oaiusercontent.com%23.evil.example", "files%2eoaiusercontent%2ecom",
    "files\u3002oaiusercontent\u3002com", "files\uff0eoaiusercontent\uff0ecom",
    "files\uff61oaiusercontent\uff61com", "ｆｉｌｅｓ.oaiusercontent.com",
    "f\u0456les.oaiusercontent.com", "files.\u043eaiusercontent.com", "files.oaiusercontent.c\u043em",
    "files.oaiuser\u200bcontent.com", "files.oaiuser\u00adcontent.com",
    "files.oaiusercontent\u2024com", "\u202efiles.oaiusercontent.com", "files.oaiu\u017fercontent.com",
    "xn--fles-vpa.oaiusercontent.com", "sdmntpr.oaiusercontent.com", "sdmntpr-.oaiusercontent.com",
    "sdmntprx.evil.oaiusercontent.com", "sdmntpr_x.oaiusercontent.com",
    "sdmntprwestus.oaiusercontent.com.evil.example", "sdmntprwestus.oaiusercontent.org",
    f"sdmntpr{'x' * 33}.oaiusercontent.com", "-files.oaiusercontent.com", "*.oaiusercontent.com",
    "api.openai.com", "openai.com", "cdn.openai.com", "files.openai.com", "platform.openai.com",
    "oaiusercontent.com.s3.amazonaws.com", "oaiusercontent.com@evil.example",
    "files.oaiusercontent.com:443@evil.example", "files.oaiusercontent.com@127.0.0.1",
    "files.oaiusercontent.com:x@[::1]", "evil.example#@files.oaiusercontent.com",
    "evil.example?@files.oaiusercontent.com", "evil.example\\@files.oaiusercontent.com",
    "evil.example\\.files.oaiusercontent.com", "evil.example/.files.oaiusercontent.com",
    "127.0.0.1\\@files.oaiusercontent.com", "user@files.oaiusercontent.com",
    "user:word@files.oaiusercontent.com", "@files.oaiusercontent.com", ":@files.oaiusercontent.com",
    "127.0.0.1:80@files.oaiusercontent.com", "files.oaiusercontent.com;evil.example",
    "files.oaiusercontent.com,evil.example", "files.oaiusercontent.com&evil.example",
    "files.oaiusercontent.com evil.example", "evil.example files.oaiusercontent.com",
    "files.oaiusercontent.com\tevil.example", "files.oaiusercontent.com\r\nHost: evil.example",
    "files.oaiusercontent.com%0d%0aHost:%20evil.example", "files.oaiusercontent.com\\evil.example",
    "files.oaiusercontent.com'", 'files.oaiusercontent.com"', "files.oaiusercontent.com<",
    "{files.oaiusercontent.com}", "files.oaiusercontent.com|", "files.oaiusercontent.com^",
    "files.oaiusercontent.com`id`", "$(id).oaiusercontent.com", "[files.oaiusercontent.com]",
)  # fmt: skip

_PORTS = (
    "0", "1", "21", "22", "25", "80", "444", "0443", "00443", "443443", "6379", "8080", "8081", "8090",
    "8443", "9200", "11211", "65536", "-1", "+443", " 443", "443 ", "0x1bb", "4４3", "", "443:80",
    "80:443", "443@evil.example", "a",
)  # fmt: skip

_SCHEMES = (
    "http", "HTTP", "HTTPS", "Https", "hTTps", "ftp", "file", "gopher", "dict", "ldap", "ldaps", "data",
    "javascript", "jar", "netdoc", "tftp", "sftp", "ssh", "ws", "wss", "unix", "redis", "rediss",
    "smtp", "imap", "http+unix", "https+unix", "view-source:https", "url:https", "feed:https",
    "httpſ", "ｈｔｔｐｓ", "h\u0442tps", " https", "\thttps", "\nhttps", "\x00https", "\ufeffhttps",
    "\u200bhttps", "https ", "https\t", "ht\ntps", "x-https", "",
)  # fmt: skip

_WHOLE = (
    "", " ", "https:", "https:/", "https://", "https:///", "https:////", "//", "///", "/etc/passwd",
    f"//{GOOD}/x", f"///{GOOD}/x", f"https:{GOOD}/x", f"https:/{GOOD}/x", f"https:///{GOOD}/x",
    f"https:////{GOOD}/x", f"https:\\\\{GOOD}\\x", f"https:\\/{GOOD}/x", f"https:/\\{GOOD}/x",
    f"https://\\{GOOD}/x", f"https://{GOOD}", f"https://{GOOD}?x", f"https://{GOOD}#x",
    f"https://{GOOD}\\x", f"https://{GOOD}/x\\y", f"https://{GOOD}/x y", f"https://{GOOD}/x\r\ny: z",
    f"https://{GOOD}/x\ny", f"https://{GOOD}/x\ry", f"https://{GOOD}/x\x00y", f"https://{GOOD}/x\ty",
    f"https://{GOOD}/x\x0by", f"https://{GOOD}/x\x7fy", f"https://{GOOD}/\u00e9", f"https://{GOOD}/\u2028",
    f"https://{GOOD}/x HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", f" https://{GOOD}/x", f"https://{GOOD}/x ",
    f"https://{GOOD}/x\n", f"\nhttps://{GOOD}/x", f"<https://{GOOD}/x>", f'"https://{GOOD}/x"',
    f"https://{GOOD}/{'x' * 9000}", f"https://https://{GOOD}/x", f"https://http://127.0.0.1/#{GOOD}/",
    "data:image/png;base64,iVBORw0KGgo=", "blob:https://files.oaiusercontent.com/1", "about:blank",
    "file:///etc/passwd", "file://files.oaiusercontent.com/etc/passwd", "cid:1", "mailto:a@b.example",
    "gopher://127.0.0.1:6379/_FLUSHALL", "dict://127.0.0.1:6379/FLUSHALL", "http://[::]:8090/",
    "https://\u2025/x", "https://./x", "https://../x", "https://%/x", "https://?/x", "https://#/x",
)  # fmt: skip


def tricks() -> list[str]:
    return list(dict.fromkeys(_tricks()))


def _tricks() -> Iterator[str]:
    for host in (*_INSIDE, *_LOOKS_GOOD):
        yield f"https://{host}/x"
    yield from (f"http://{host}/x" for host in _INSIDE)
    yield from (f"https://{GOOD}:{port}/x" for port in _PORTS)
    yield from (f"{scheme}://{GOOD}/x" for scheme in _SCHEMES)
    yield from _WHOLE


_V6_IN_DISGUISE = (
    "::1", "::", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:8.8.8.8", "::127.0.0.1", "::8.8.8.8",
    "64:ff9b::7f00:1", "64:ff9b::8.8.8.8", "64:ff9b:1::a00:1", "2002:7f00:1::", "2002:808:808::",
    "2001:0:7f00:1::", "fe80::1", "fe80::1%2", "fc00::1", "fd00:ec2::254", "fec0::1", "ff02::1",
    "2001:db8::1", "100::1", "3fff::1", "5f00::1", "2001:2::1", "2001:10::1",
)  # fmt: skip
_V4_INSIDE = (
    "127.0.0.1", "127.255.255.254", "0.0.0.0", "0.1.2.3", "10.0.0.1", "100.64.0.1", "169.254.169.254",
    "169.254.170.2", "172.16.0.1", "172.31.255.255", "192.0.0.1", "192.0.0.192", "192.0.2.1",
    "192.88.99.1", "192.168.1.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.1.1.1",
    "240.0.0.1", "255.255.255.255", "168.63.129.16", "100.100.100.200", "localhost", "", "8.8.8.8 ",
)  # fmt: skip
ADDRESSES = (*_V4_INSIDE, *_V6_IN_DISGUISE)
"""What a resolver may answer for a good name, and nobody may connect to."""
