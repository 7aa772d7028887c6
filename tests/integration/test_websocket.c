/*
 * Streams over WebSocket, docs/protocol.md.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "case.h"
#include "certificate.h"
#include "keep.h"
#include "shell.h"
#include "token.h"
#include "verbs.h"
#include "wait.h"
#include "websocket.h"

#define QUERY "user=ada&device=d"
#define BASE  "PushUser query:user\nPushChannels *\n"

static const char *const mpms[] = {"event", "worker", "prefork"};

static void ack(struct websocket *ws, const struct frame *f)
{
    websocket_say(ws, keep_printf("{\"ack\":\"%s\"}",
                                  json_text_at(f->json, "id")));
}

START_TEST(messages_come_and_are_acknowledged)
{
    struct server_options o = {.mpm = mpms[_i]};
    struct server *s = server_start(&o);
    struct websocket *ws = websocket_ramen(s, QUERY "&channel=news");
    const char *mid = publish(s, "channel=news", NULL, "{\"a\": 1}");
    const struct frame *f = websocket_expect(ws, 1, "data", "{\"a\": 1}");

    ck_assert_int_eq(stat_of(s, "streams"), 1);
    ck_assert_int_eq(count_of(s, mid, "acked"), 0);
    ack(ws, f);
    wait_until(count_of(s, mid, "acked") == 1);
    publish(s, "user=ada", NULL, "a \"text\"\n");
    websocket_expect(ws, 2, "text", "a \"text\"\n");
    publish(s, "user=ada", "Push-Event: trip.eta\r\n", "7");
    f = websocket_expect(ws, 3, "data", "7");
    ck_assert_str_eq(json_text_at(f->json, "event"), "trip.eta");
    websocket_send(ws, 0x89, "are you there", 13);
    f = websocket_next(ws);
    ck_assert_uint_eq(f->opcode, 10);
    ck_assert_str_eq(f->text, "are you there");
    websocket_send(ws, 0x88, "\x03\xe8", 2);
    websocket_expect_close(ws, 1000, NULL);
    wait_until(stat_of(s, "streams") == 0);
}
END_TEST

/* ---- the handshake ---- */

#define ASK "Upgrade: websocket\r\nConnection: Upgrade\r\n"
#define KEY "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
#define V13 "Sec-WebSocket-Version: 13\r\n"

static const struct {
    const char *query;
    const char *headers;
    int status;
    const char *mention;
} refusals[] = {
    {QUERY, ASK KEY, 426, "Sec-WebSocket-Version: 13"},
    {QUERY, ASK KEY "Sec-WebSocket-Version: 8\r\n", 426, "13"},
    {QUERY, ASK V13, 400, "Sec-WebSocket-Key"},
    {QUERY, ASK V13 "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=\r\n", 400,
     "Sec-WebSocket-Key"},
    {QUERY, ASK V13 KEY "Sec-WebSocket-Protocol: mqtt, ramen.v2\r\n", 400,
     "ramen.v1.json"},
    {QUERY, ASK V13 KEY "Content-Length: 0\r\n", 400, "body"},
    {QUERY, ASK V13 KEY "Origin: http://evil.example\r\n", 403, "Origin"},
    {QUERY, ASK V13 KEY "Sec-Fetch-Site: cross-site\r\n", 403,
     "Sec-Fetch-Site"},
    {QUERY "&wait=0", ASK V13 KEY, 400, "wait"},
    {QUERY "&ack=explicit", ASK V13 KEY, 400, "ack"},
    {"user=ada&device=*", ASK V13 KEY, 400, "device"},
};

START_TEST(a_handshake_that_cannot_be_is_refused)
{
    struct server *s = server_start(NULL);

    for (size_t i = 0; i < sizeof(refusals) / sizeof(*refusals); i++) {
        struct request q = {.target = keep_printf("/ramen/receive?%s",
                                                  refusals[i].query),
                            .headers = refusals[i].headers};
        struct answer *a = http_ask(s, &q);

        http_expect(a, refusals[i].status, refusals[i].mention);
        if (a->status == 426) {
            ck_assert_str_eq(http_header(a, "Sec-WebSocket-Version"), "13");
        }
    }
    ck_assert_int_eq(stat_of(s, "streams"), 0);
    ck_assert_int_eq(websocket_try(s, "device=d", NULL)->status, 401);
}
END_TEST

START_TEST(frames_before_the_answer_are_refused)
{
    static const char bytes[] = "GET /ramen/receive?" QUERY
                                " HTTP/1.1\r\nHost: x\r\n" ASK V13 KEY
                                "\r\n\x81\x80mask";
    struct server *s = server_start(NULL);

    http_expect(http_raw(s, bytes, sizeof(bytes) - 1), 400, "frames");
}
END_TEST

START_TEST(an_allowed_page_and_a_ticket_open_it)
{
    struct server_options o = {0};
    struct server *s;
    struct answer *a;
    const char *query;

    o.receive = keep_printf("PushUser jwt\nPushJWTKey %s\n"
                            "PushAllowOrigin https://app.example",
                            token_file(TOKEN_SECRET, 0640));
    s = server_start(&o);
    a = http_do(s, "POST", "/ramen/ticket?device=d", token_bearer("ada", ""),
                "");
    query = keep_printf("device=d&ticket=%s", json_text_at(a->json, "ticket"));
    a = websocket_try(s, query, RAMEN "Origin: https://evil.example\r\n");
    ck_assert_int_eq(a->status, 403);
    a = http_do(s, "POST", "/ramen/ticket?device=d", token_bearer("ada", ""),
                "");
    query = keep_printf("device=d&ticket=%s", json_text_at(a->json, "ticket"));
    websocket_open(s, query, RAMEN "Origin: https://app.example\r\n");
    ck_assert_int_eq(websocket_try(s, query, RAMEN)->status, 401);
}
END_TEST

/* ---- what a client must not say ---- */

static const struct {
    unsigned first;
    const char *payload;
    int code;
    const char *reason;
} faults[] = {
    {0x81, "hello", 1008, "ack"},
    {0x81, "{\"ack\":7}", 1008, "ack: a string"},
    {0x81, "{\"nack\":\"7\"}", 1008, "not known"},
    {0x81, "{\"ack\":\"1\",\"ack\":\"2\"}", 1008, "no other member"},
    {0x81, "{\"ack\":\"x\"}", 1008, "SEQ.MID"},
    {0x81, "{\"ack\":\"99\"}", 1008, "nothing like it"},
    {0x81, "{\"ack\":\"0\"} x", 1008, "nothing may follow"},
    {0x82, "binary", 1003, "text"},
    {0x81, "\xc0\x80", 1007, "UTF-8"},
    {0xc1, "reserved", 1002, "6455"},
    {0x83, "opcode", 1002, "6455"},
    {0x80, "no beginning", 1002, "6455"},
    {0x88, "x", 1002, "6455"},
};

START_TEST(what_breaks_a_rule_closes_with_its_code)
{
    static char large[5000];
    struct server *s = server_start(NULL);
    struct websocket *ws;

    for (size_t i = 0; i < sizeof(faults) / sizeof(*faults); i++) {
        ws = websocket_ramen(s, QUERY);
        websocket_send(ws, faults[i].first, faults[i].payload,
                       strlen(faults[i].payload));
        websocket_expect_close(ws, faults[i].code, faults[i].reason);
    }
    memset(large, ' ', sizeof(large));
    ws = websocket_ramen(s, QUERY);
    websocket_send(ws, 0x81, large, sizeof(large));
    websocket_expect_close(ws, 1009, "4096");
    ws = websocket_open(s, QUERY, NULL);
    websocket_say(ws, "hello");
    websocket_expect_close(ws, 1003, "subprotocol");
    wait_until(stat_of(s, "streams") == 0);
}
END_TEST

/* Fragments, a frame in single bytes, pings in between, space in the JSON. */
START_TEST(an_acknowledgement_may_come_in_pieces)
{
    struct server *s = server_start(NULL);
    struct websocket *ws = websocket_ramen(s, QUERY);
    const char *mid = publish(s, "user=ada", NULL, "1");
    const char *text = keep_printf(
        " { \"ack\" : \"%s\" } ",
        json_text_at(websocket_expect(ws, 1, "data", "1")->json, "id"));

    websocket_send(ws, 0x01, text, 5);
    websocket_send(ws, 0x89, "", 0);
    ck_assert_uint_eq(websocket_next(ws)->opcode, 10);
    ck_assert_int_eq(count_of(s, mid, "acked"), 0);
    websocket_send(ws, 0x80, text + 5, strlen(text) - 5);
    wait_until(count_of(s, mid, "acked") == 1);
    mid = publish(s, "user=ada", NULL, "2");
    websocket_expect(ws, 2, "data", "2");
    for (const char *at = "\x81\x8b\0\0\0\0{\"ack\":\"2\"}", *end = at + 17;
         at < end; at++) {
        wire_send(ws->wire, at, 1);
    }
    wait_until(count_of(s, mid, "acked") == 1);
}
END_TEST

/* ---- windows and cursors ---- */

START_TEST(a_full_window_opens_by_an_acknowledgement)
{
    struct server_options o = {.receive = BASE "PushMaxInFlight 8"};
    struct server *s = server_start(&o);
    struct websocket *ws = websocket_ramen(s, QUERY);
    const struct frame *f = NULL;

    for (int i = 1; i <= 10; i++) {
        publish(s, "user=ada", NULL, keep_printf("%d", i));
    }
    for (int i = 1; i <= 8; i++) {
        f = websocket_expect(ws, i, "data", keep_printf("%d", i));
    }
    websocket_send(ws, 0x89, "full", 4);
    ck_assert_uint_eq(websocket_next(ws)->opcode, 10);
    ack(ws, f);
    websocket_expect(ws, 9, "data", "9");
    websocket_expect(ws, 10, "data", "10");
}
END_TEST

START_TEST(a_cursor_resumes_what_was_not_acknowledged)
{
    struct server *s = server_start(NULL);
    struct websocket *ws = websocket_ramen(s, QUERY);
    const char *id;

    publish(s, "user=ada", NULL, "1");
    publish(s, "user=ada", NULL, "2");
    id = json_text_at(websocket_expect(ws, 1, "data", "1")->json, "id");
    websocket_expect(ws, 2, "data", "2");
    wire_close(ws->wire);
    ws = websocket_ramen(s, keep_printf(QUERY "&id=%s", id));
    websocket_expect(ws, 2, "data", "2");
    publish(s, "user=ada", NULL, "3");
    websocket_expect(ws, 3, "data", "3");
}
END_TEST

/* ---- the end ---- */

static void expect_bye(struct websocket *ws, const char *reason, int code)
{
    const struct frame *f = websocket_next(ws);

    ck_assert_msg(f->json && json_at(f->json, "bye"), "no bye: %.100s",
                  f->text);
    ck_assert_str_eq(json_text_at(f->json, "bye.reason"), reason);
    websocket_expect_close(ws, code, reason);
}

START_TEST(the_end_says_whether_to_come_again)
{
    struct server *s = server_start(NULL);
    struct websocket *first = websocket_ramen(s, QUERY);
    struct websocket *ws = websocket_ramen(s, QUERY);
    struct websocket *bare;

    expect_bye(first, "superseded", 4001);
    stream_open(s, QUERY, NULL);
    expect_bye(ws, "superseded", 4001);
    ws = websocket_ramen(s, QUERY);
    bare = websocket_open(s, "user=eve&device=d", NULL);
    http_do(s, "DELETE", "/push/users/ada/streams", NULL, NULL);
    expect_bye(ws, "disconnected", 4002);
    http_do(s, "DELETE", "/push/users/eve/streams", NULL, NULL);
    websocket_expect_close(bare, 4002, "disconnected");
    ws = websocket_ramen(s, QUERY);
    server_stop(s);
    expect_bye(ws, "shutdown", 1001);
}
END_TEST

START_TEST(it_moves_when_its_child_ends)
{
    struct server *s = server_start(NULL);
    struct websocket *ws = websocket_ramen(s, QUERY);
    struct websocket *bare = websocket_open(s, "user=eve&device=d", NULL);
    const char *mid;

    for (int round = 1; round <= 3; round++) {
        server_graceful(s);
        while (ws->wire->used || wire_receive(ws->wire, wait_now() + 100)) {
            ck_assert_uint_eq(websocket_next(ws)->opcode, 9);
        }
        mid = publish(s, "user=ada", NULL, "{}");
        ack(ws, websocket_expect(ws, round, "data", "{}"));
        wait_until(count_of(s, mid, "acked") == 1);
    }
    publish(s, "user=eve", NULL, "still here");
    for (;;) {
        const struct frame *f = websocket_next(bare);

        if (f->opcode != 9) {
            ck_assert_str_eq(f->text, "still here");
            break;
        }
    }
}
END_TEST

/* ---- other forms ---- */

START_TEST(without_a_subprotocol_payloads_come_bare)
{
    static const char bytes[] = "\xff\xfe\x00\x80";
    struct server *s = server_start(NULL);
    struct websocket *ws = websocket_open(s, QUERY, NULL);
    struct request q = {
        .method = "POST",
        .target = "/push/messages?user=ada",
        .headers = "Content-Type: application/octet-stream\r\n",
        .body = bytes,
        .length = sizeof(bytes) - 1};
    const struct frame *f;

    ck_assert_ptr_null(strstr(ws->head, "Sec-WebSocket-Protocol"));
    publish(s, "user=ada", NULL, "{\"as\": \"it is\"}\n");
    f = websocket_next(ws);
    ck_assert_uint_eq(f->opcode, 1);
    ck_assert_str_eq(f->text, "{\"as\": \"it is\"}\n");
    ck_assert_int_eq(http_ask(s, &q)->status, 201);
    f = websocket_next(ws);
    ck_assert_uint_eq(f->opcode, 2);
    ck_assert_uint_eq(f->length, sizeof(bytes) - 1);
    ck_assert_mem_eq(f->text, bytes, sizeof(bytes) - 1);
}
END_TEST

START_TEST(hearts_beat)
{
    struct server_options o = {.receive = BASE "PushHeartbeat 200ms"};
    struct server *s = server_start(&o);
    struct websocket *ws = websocket_ramen(s, QUERY "&heartbeat=event");

    for (int i = 0; i < 3; i++) {
        ck_assert_uint_eq(websocket_next(ws)->opcode, 9);
        ck_assert_str_eq(websocket_next(ws)->text, "{\"beat\":true}");
    }
    ws = websocket_ramen(s, QUERY);
    ck_assert_uint_eq(websocket_next(ws)->opcode, 9);
    ck_assert_uint_eq(websocket_next(ws)->opcode, 9);
}
END_TEST

/* Larger than any socket's buffer, of a client that says much meanwhile. */
START_TEST(a_large_message_comes_whole)
{
    struct server_options o = {.global = "PushShmSize 128M",
                               .receive = BASE "PushMaxMessageSize 8M",
                               .admin = "Require local\n"
                                        "PushMaxMessageSize 8M"};
    struct server *s = server_start(&o);
    struct websocket *ws = websocket_ramen(s, QUERY);
    size_t length = (size_t)4 << 20;
    char *payload = keep(malloc(length + 1), free);
    const struct frame *f;

    for (size_t i = 0; i < length; i++) {
        payload[i] = "abc\"\\\n"[i % 6];
    }
    payload[length] = '\0';
    publish(s, "user=ada", NULL, payload);
    for (int i = 0; i < 20; i++) {
        websocket_send(ws, 0x89, "p", 1);
    }
    f = websocket_next(ws);
    while (f->opcode == 10) {
        f = websocket_next(ws);
    }
    ck_assert_uint_eq(f->opcode, 1);
    ck_assert_str_eq(json_text_at(f->json, "text"), payload);
    ack(ws, f);
    publish(s, "user=ada", NULL, "2");
    do {
        f = websocket_next(ws);
    } while (f->opcode != 1);
    ck_assert_str_eq(json_text_at(f->json, "id")[0] == '2' ? "2" : "", "2");
}
END_TEST

/* ---- a foreign client ---- */

static const char peer[] =
    "import asyncio, json, ssl, sys, urllib.request, websockets\n"
    "url, admin = sys.argv[1:]\n"
    "context = None\n"
    "if url.startswith('wss'):\n"
    "    context = ssl.create_default_context()\n"
    "    context.check_hostname = False\n"
    "    context.verify_mode = ssl.CERT_NONE\n"
    "def publish(text):\n"
    "    urllib.request.urlopen(admin + '/messages?user=ada',\n"
    "                           text.encode()).read()\n"
    "async def main():\n"
    "    async with websockets.connect(url, ssl=context, ping_interval=0.2,\n"
    "            subprotocols=['other', 'ramen.v1.json']) as ws:\n"
    "        assert ws.subprotocol == 'ramen.v1.json'\n"
    "        welcome = json.loads(await ws.recv())['welcome']\n"
    "        assert welcome['window'] > 0, welcome\n"
    "        for i in range(300):\n"
    "            text = json.dumps({'n': i, 'long': 'x' * (i * 200)})\n"
    "            publish(text)\n"
    "            m = json.loads(await ws.recv())\n"
    "            assert m['data'] == json.loads(text)\n"
    "            await ws.send(json.dumps({'ack': m['id']}))\n"
    "        await (await ws.ping())\n"
    "        await ws.send('nonsense')\n"
    "        try:\n"
    "            await ws.recv()\n"
    "            assert False\n"
    "        except websockets.ConnectionClosed as e:\n"
    "            assert e.rcvd.code == 1008, e\n"
    "    async with websockets.connect(url + '&from=oldest', ssl=context)"
    " as ws:\n"
    "        publish('bare')\n"
    "        assert await ws.recv() == 'bare'\n"
    "        await ws.close()\n"
    "        assert ws.close_code == 1000\n"
    "    print('well')\n"
    "asyncio.run(main())\n";

/* Of docs/ramen_v3.proto protoc makes what it speaks by. */
static const char protobuf_peer[] =
    "import asyncio, json, random, sys, urllib.request, websockets\n"
    "import ramen_v3_pb2 as ramen\n"
    "url, admin, seed = sys.argv[1:]\n"
    "random.seed(seed)\n"
    "def publish(data, event, urgency):\n"
    "    headers = {'Push-Event': event, 'Urgency': urgency,\n"
    "               'Content-Type': 'application/octet-stream',\n"
    "               'Prefer': 'respond-async'}\n"
    "    request = urllib.request.Request(admin + '/messages?channel=news',\n"
    "                                     data, headers)\n"
    "    urllib.request.urlopen(request).read()\n"
    "def unknown():\n"
    "    return random.choice([b'', b'\\xf8\\x01\\x05', "
    "b'\\xfa\\x01\\x02hi',\n"
    "                          b'\\xf9\\x01' + b'8' * 8])\n"
    "async def next(ws):\n"
    "    frame = await ws.recv()\n"
    "    assert isinstance(frame, bytes)\n"
    "    m = ramen.ToDevice.FromString(frame)\n"
    "    assert not m.HasField('bye'), m\n"
    "    return m\n"
    "async def main():\n"
    "    async with websockets.connect(url, subprotocols=['ramen.v3.proto',\n"
    "            'ramen.v1.json'], max_size=None) as ws:\n"
    "        assert ws.subprotocol == 'ramen.v3.proto'\n"
    "        welcome = (await next(ws)).welcome\n"
    "        assert welcome.device and welcome.window > 0, welcome\n"
    "        assert welcome.retry_ms > 0 and welcome.session, welcome\n"
    "        for i in range(300):\n"
    "            data = random.randbytes(random.choice([0, 9, 900, 99999]))\n"
    "            urgency = random.choice(['very-low', 'normal', 'high'])\n"
    "            publish(data, 'e%d' % i, urgency)\n"
    "            m = (await next(ws)).message\n"
    "            assert m.data == data and m.event == 'e%d' % i, m\n"
    "            assert m.seq == i + 1 and m.ack_now and m.mid, m\n"
    "            assert m.channel == 'news' and m.time > 1.6e12, m\n"
    "            name = ramen.Urgency.Name(m.urgency).lower()\n"
    "            assert name.replace('_', '-') == urgency, m\n"
    "            ack = ramen.FromDevice()\n"
    "            ack.ack.seq = m.seq\n"
    "            if i % 2:\n"
    "                ack.ack.mid = m.mid\n"
    "            await ws.send(unknown() + ack.SerializeToString()"
    " + unknown())\n"
    "        await ws.send('{\"ack\":\"1\"}')\n"
    "        try:\n"
    "            await ws.recv()\n"
    "            assert False\n"
    "        except websockets.ConnectionClosed as e:\n"
    "            assert e.rcvd.code == 1003, e\n"
    "    print('well')\n"
    "asyncio.run(main())\n";

START_TEST(python_speaks_protocol_buffers_with_it)
{
    struct server_options o = {.receive = BASE "PushMaxMessageSize 1M",
                               .admin = "Require local\n"
                                        "PushMaxMessageSize 1M"};
    struct server *s = server_start(&o);

    shell_run(keep_printf("protoc --proto_path=docs --python_out=%s "
                          "docs/ramen_v3.proto",
                          s->root));
    server_write(s, "peer.py", protobuf_peer);
    ck_assert_ptr_nonnull(
        strstr(shell_run(keep_printf(
                   "/usr/bin/python3 %s/peer.py 'ws://127.0.0.1:%d"
                   "/ramen/receive?" QUERY "&channel=news&meta=urgency,"
                   "channel,time' http://127.0.0.1:%d/push %u",
                   s->root, s->port, s->port, (unsigned)wait_now())),
               "well"));
    wait_until(stat_of(s, "streams") == 0);
    ck_assert_int_eq(stat_of(s, "acked"), 300);
}
END_TEST

START_TEST(python_speaks_with_it)
{
    struct server_options o = {0};
    int port = server_free_port();
    const char *url;
    struct server *s;

    if (_i) {
        o.global = certificate_host(port);
    }
    s = server_start(&o);
    if (_i) {
        server_allow(s, "AH01882");
    }
    url = keep_printf("%s://127.0.0.1:%d/ramen/receive?" QUERY,
                      _i ? "wss" : "ws", _i ? port : s->port);
    server_write(s, "peer.py", peer);
    ck_assert_ptr_nonnull(
        strstr(shell_run(keep_printf("/usr/bin/python3 %s/peer.py '%s' "
                                     "http://127.0.0.1:%d/push",
                                     s->root, url, s->port)),
               "well"));
    wait_until(stat_of(s, "streams") == 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("websocket");
    TCase *tc = case_add(suite, "streams", 60);

    tcase_add_row_test(tc, messages_come_and_are_acknowledged, mpms);
    tcase_add_test(tc, an_acknowledgement_may_come_in_pieces);
    tcase_add_test(tc, a_full_window_opens_by_an_acknowledgement);
    tcase_add_test(tc, a_cursor_resumes_what_was_not_acknowledged);
    tcase_add_test(tc, without_a_subprotocol_payloads_come_bare);
    tcase_add_test(tc, hearts_beat);
    tcase_add_test(tc, a_large_message_comes_whole);
    tc = case_add(suite, "handshake", 60);
    tcase_add_test(tc, a_handshake_that_cannot_be_is_refused);
    tcase_add_test(tc, frames_before_the_answer_are_refused);
    tcase_add_test(tc, an_allowed_page_and_a_ticket_open_it);
    tc = case_add(suite, "end", 60);
    tcase_add_test(tc, what_breaks_a_rule_closes_with_its_code);
    tcase_add_test(tc, the_end_says_whether_to_come_again);
    tcase_add_test(tc, it_moves_when_its_child_ends);
    tc = case_add(suite, "peer", 120);
    tcase_add_loop_test(tc, python_speaks_with_it, 0, 2);
    tcase_add_test(tc, python_speaks_protocol_buffers_with_it);
    return case_run(suite);
}
