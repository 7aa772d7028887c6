/* real_pushctl.c - pushctl with a real server: every command, its output, its
 * JSON and its exit code. `top` is in real_top.c,
 * what is said of one message in real_messages.c. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "case.h"
#include "http.h"
#include "keep.h"
#include "scripted.h"
#include "server.h"
#include "shell.h"
#include "stream.h"
#include "../../tests/harness/token.h"
#include "verbs.h"

static struct server *server;

/* Set what scripts know: $CTL, $BASE, $TOP and $DIR; and nothing of the one
 * who runs the test. */
static void dress(const struct server *s)
{
    char cwd[512];

    ck_assert_ptr_nonnull(getcwd(cwd, sizeof(cwd)));
    setenv("TOP", cwd, 1);
    setenv("DIR", keep_printf("%s/htdocs", s->root), 1);
    setenv("HOME", keep_printf("%s/htdocs", s->root), 1);
    setenv("TZ", "UTC", 1);
    setenv("BASE", keep_printf("http://127.0.0.1:%d", s->port), 1);
    setenv("PUSHCTL_URL", keep_printf("http://127.0.0.1:%d/push/", s->port),
           1);
    setenv("CTL", keep_printf("timeout 60 %s/pushctl", shell_build()), 1);
    unsetenv("XDG_CONFIG_HOME");
    unsetenv("PUSHCTL_CONFIG");
}

static void setup(void)
{
    server = server_start(NULL);
    dress(server);
}

/* What $CTL says to a command line. */
static const char *ctl(const char *words)
{
    return shell_run(keep_printf("$CTL %s", words));
}

/* The same as JSON, which must be one line. */
static const json_t *ctl_json(const char *words)
{
    const char *said = ctl(keep_printf("%s --json", words));
    json_t *json = json_loads(said, 0, NULL);

    ck_assert_msg(json != NULL, "%s: no JSON: %s", words, said);
    ck_assert_ptr_eq(strchr(said, '\n'), said + strlen(said) - 1);
    return json_keep(json);
}

/* ---- figures ---- */

/* Known numbers: 9 published, of which 1 was replaced, 1 expired, 1 recalled,
 * 1 displaced from a full mailbox, and 1 more refused; 3 delivered, 2 of them
 * acknowledged. */
static void make_figures(void)
{
    struct stream *ann = stream_open(server, "user=ann&device=d&seq=0", NULL);

    for (int i = 0; i < 3; i++) {
        publish(server, "user=ann", NULL, "x");
        stream_next(ann);
    }
    acknowledge(server, "user=ann&device=d&seq=2");
    publish(server, "user=bob", "Topic: t\r\n", "old");
    publish(server, "user=bob", "Topic: t\r\n", "new");
    publish(server, "user=cleo", "TTL: 1\r\n", "short");
    http_expect(http_do(server, "DELETE",
                        keep_printf("/push/messages/%s",
                                    publish(server, "user=dora", NULL, "no")),
                        NULL, NULL),
                200, NULL);
    publish(server, "user=ann&device=e", "Urgency: low\r\n", "a");
    leave(server, ann);
}

static const struct {
    const char *path;
    int number;
} figures[] = {
    {"published", 8}, {"delivered", 3}, {"acked", 2},   {"expired", 1},
    {"replaced", 1},  {"recalled", 1},  {"evicted", 0}, {"refused", 0},
    {"streams", 0},   {"devices", 1},   {"users", 4},
};

/* "name  number", for a person. */
static const char *line_of(const char *name, int number)
{
    return keep_printf("s/^ *%s  *%d$/yes/p", name, number);
}

START_TEST(the_figures_are_what_happened)
{
    const json_t *stats;

    make_figures();
    wait_until(stat_of(server, "expired") == 1);
    stats = ctl_json("stats");
    for (size_t i = 0; i < sizeof(figures) / sizeof(figures[0]); i++) {
        ck_assert_msg(json_int_at(stats, figures[i].path) == figures[i].number,
                      "%s: %d", figures[i].path,
                      (int)json_int_at(stats, figures[i].path));
        ck_assert_str_eq(shell_run(keep_printf("$CTL stats | sed -n '%s'",
                                               line_of(figures[i].path,
                                                       figures[i].number))),
                         "yes\n");
    }
}
END_TEST

START_TEST(what_a_full_mailbox_evicts_and_refuses_is_counted)
{
    const json_t *stats;

    server = server_start(&(struct server_options){
        .receive = "PushUser query:user", .global = "PushMaxPending 2"});
    dress(server);
    leave(server, stream_open(server, "user=eve&device=d&seq=0", NULL));
    shell_run("$CTL publish -u eve -q low -m 1; $CTL publish -u eve -m 2;"
              "$CTL publish -u eve -m 3");
    http_expect(publish_try(server, "user=eve", "Urgency: low\r\n", "4"), 503,
                "mailbox-full");
    stats = ctl_json("stats");
    ck_assert_int_eq(json_int_at(stats, "published"), 3);
    ck_assert_int_eq(json_int_at(stats, "evicted"), 1);
    ck_assert_int_eq(json_int_at(stats, "refused"), 1);
}
END_TEST

START_TEST(a_server_that_is_alone_says_so)
{
    ck_assert_str_eq(ctl("cluster"),
                     "This server is alone: it has no PushCluster.\n");
    ck_assert(json_is_null(json_at(ctl_json("cluster"), "node")));
}
END_TEST

START_TEST(check_says_that_all_is_well)
{
    const char *said = ctl("check");
    const json_t *json = ctl_json("check");

    ck_assert_ptr_nonnull(strstr(said, "status          ok\n"));
    ck_assert_ptr_nonnull(strstr(said, "sound      yes\n"));
    ck_assert_str_eq(json_text_at(json, "health.status"), "ok");
    ck_assert_int_eq(json_int_at(json, "check.wrong"), 0);
    ck_assert_ptr_null(json_at(ctl_json("check -q"), "check"));
}
END_TEST

START_TEST(check_fails_where_the_server_is_not_well)
{
    pid_t child[8];
    const char *said;
    const char *died[] = {"\"died\":1}", "\"died\":2}", "\"died\":3}"};

    for (int i = 0; i < 3; i++) {
        wait_until(server_children(server, child, 8) >= 2);
        server_kill_child(server, child[0]);
        wait_until(strstr(http_get(server, "/push/health")->body, died[i]));
    }
    wait_until(strstr(http_get(server, "/push/health")->body, "degraded"));
    said = shell_run("set +e; $CTL check --quick; echo code $?");
    ck_assert_ptr_nonnull(strstr(said, "status          degraded\n"));
    ck_assert_ptr_nonnull(strstr(said, "died 3\n"));
    ck_assert_ptr_nonnull(strstr(said, "code 1\n"));
}
END_TEST

/* ---- what a server may answer ---- */

static const struct {
    int status;
    const char *type, *body, *words;
    int code;
    const char *said; /* by pushctl */
} answers[] = {
    {503, "application/json",
     "{\"status\":\"degraded\",\"reason\":\"the disk\"}", "check -q", 1,
     "reason the disk\n"},
    {503, "application/problem+json",
     "{\"type\":\"urn:mod_push:problem:busy\",\"status\":503,"
     "\"detail\":\"a part is locked\"}",
     "check", 1, "pushctl: HTTP 503: a part is locked\n"},
    {500, "text/html", "<p>no</p>", "stats", 1, "pushctl: HTTP 500\n"},
    {302, "text/html", "", "stats", 1, "pushctl: HTTP 302\n"},
    {404, "application/problem+json",
     "{\"detail\":\"user: \\u001b[2J\\u009b\"}", "user x", 4,
     "HTTP 404: user: ?[2J?\n"},
    {401, "application/problem+json", "{\"detail\":\"token: exp\"}", "stats",
     3, "HTTP 401: token: exp\n"},
    {200, "application/json", "{\"streams\":", "stats", 1, "is no JSON"},
    {200, "application/json", "", "stats", 1, "is no JSON"},
    {200, "application/json",
     "{\"streams\":1,\"users\":3,\"of "
     "tomorrow\":2,\"state\":{\"disk\":\"ok\"},"
     "\"acked\":4,\"recalled\":5}",
     "stats", 0,
     "now\n  streams  1\n  users    3\n  state    disk ok\n"
     "since the start\n  of tomorrow  2\n  acked        4\n"},
    {200, "application/json", "{\"devices\":[],\"user\":\"x\"}", "user x", 0,
     "id  device  app"},
};

static int answer_row(void *ctx, struct scripted_request *r)
{
    int row = *(int *)ctx;
    char headers[80];

    snprintf(headers, sizeof(headers), "Content-Type: %s\r\n",
             answers[row].type);
    scripted_answer(r, answers[row].status, headers, answers[row].body);
    return 0;
}

START_TEST(what_a_server_answers_is_told)
{
    int row = _i;
    struct scripted *other = scripted_start(answer_row, &row);
    const char *said = shell_run(
        keep_printf("set +e; $CTL %s -L %s; echo code $?", answers[row].words,
                    scripted_url(other)));

    ck_assert_msg(strstr(said, answers[row].said) != NULL, "%s", said);
    ck_assert_msg(strstr(said, keep_printf("code %d\n", answers[row].code))
                      != NULL,
                  "%s", said);
    scripted_stop(other);
}
END_TEST

/* ---- users and devices ---- */

START_TEST(a_user_s_devices_are_listed_and_shown)
{
    struct stream *phone = stream_open(
        server, "user=ann&device=phone&seq=0&app=rider&channel=news",
        "User-Agent: evil\xc2\x9b"
        "31m\r\n");
    const json_t *list, *device;
    const char *id, *said;

    publish(server, "user=ann", NULL, "x");
    stream_next(phone);
    list = ctl_json("user ann");
    id = json_text_at(list, "devices.0.id");
    said = ctl("user ann");
    ck_assert_ptr_nonnull(strstr(said, keep_printf("\n%s  phone ", id)));
    ck_assert_ptr_nonnull(strstr(said, "id "));
    device = ctl_json(keep_printf("device %s", id));
    ck_assert_str_eq(json_text_at(device, "user"), "ann");
    ck_assert_int_eq(json_int_at(device, "in_flight"), 1);
    said = ctl(keep_printf("device %s", id));
    ck_assert_ptr_nonnull(strstr(said, "\nonline      yes\n"));
    ck_assert_ptr_nonnull(strstr(said, "\nchannels    news\n"));
    ck_assert_ptr_nonnull(strstr(said, "\nlast ack    -\n"));
    ck_assert_ptr_nonnull(strstr(said, "evil?31m\n"));
    stream_open(server, "user=acme%2Fann&device=desk&seq=0", NULL);
    ck_assert_str_eq(
        json_text_at(ctl_json("user acme/ann"), "devices.0.device"), "desk");
}
END_TEST

START_TEST(a_user_is_sent_away)
{
    struct stream *one = stream_open(server, "user=a%2Fb&device=1&seq=0",
                                     NULL);

    ck_assert_int_eq(json_int_at(ctl_json("disconnect a/b"), "disconnected"),
                     1);
    stream_expect_bye(one, "disconnected");
    one = stream_open(server, "user=ann&device=1&seq=0", NULL);
    ck_assert_str_eq(ctl("revoke ann"), "ann: streams ended: 1\n");
    stream_expect_bye(one, "expired-token");
    ck_assert_str_eq(ctl("disconnect 'no body'"),
                     "no body: streams ended: 0\n");
}
END_TEST

START_TEST(a_user_is_subscribed)
{
    struct stream *one = stream_open(server, "user=a%2Fb&device=1&seq=0",
                                     NULL);

    const json_t *said = ctl_json("subscribe a/b 'v/i p'");

    ck_assert(json_is_true(json_at(said, "subscribed")));
    ck_assert_str_eq(ctl("subscriptions a/b"), "v/i p\n");
    publish(server, "channel=v%2Fi%20p", NULL, "here");
    expect_message(one, 1, "here");
    said = ctl_json("unsubscribe a/b 'v/i p'");
    ck_assert(json_is_false(json_at(said, "subscribed")));
    ck_assert_str_eq(ctl("subscriptions a/b"), "");
}
END_TEST

/* ---- many messages ---- */

START_TEST(lines_are_published_as_they_come)
{
    const char *said = shell_run("seq 1 50 | $CTL publish -u ann -l | "
                                 "cut -d' ' -f1 | sort -u | wc -l");

    ck_assert_int_eq(atoi(said), 50);
    ck_assert_int_eq(json_int_at(ctl_json("stats"), "published"), 50);
}
END_TEST

/* ---- exit codes ---- */

static const struct {
    int code;
    const char *words;
} codes[] = {
    {0, "--help"},
    {0, "--version"},
    {0, "top --help"},
    {0, "stats -W 5 -H 'X-A: b'"},
    {0, "--json stats"},
    {0, "publish -u ann -m --nonsense"},
    {1, "publish -u ann -m x -e 'bad event'"},
    {1, "disconnect \"$(printf '\\001')\""},
    {4, "unsubscribe ann nowhere"},
    {1, "message 8yIJLk1DzU7 -u a -c b"},
    {1, "recall 8yIJLk1DzU7 -d d"},
    {1, "stats -L $BASE/page"},
    {1, "token --show nonsense"},
    {2, ""},
    {2, "nonsense"},
    {2, "stats more"},
    {2, "stats --nonsense"},
    {2, "stats -W soon"},
    {2, "stats -L ftp://127.0.0.1/"},
    {2, "stats -T a --basic b:c"},
    {2, "stats --config missing"},
    {2, "user"},
    {2, "explain"},
    {2, "message one two"},
    {2, "publish -m x"},
    {2, "publish -u ann"},
    {2, "top -i 0"},
    {2, "top < /dev/null"},
    {2, "token ann"},
    {2, "token --jwt-key missing ann"},
    {2, "token --jwt-key short ann"},
    {2, "token --jwt-key key --alg ES256 ann"},
    {2, "token --jwt-key key --claim nothing ann"},
    {2, "completion fish"},
    {2, "triggers show"},
    {2, "triggers list hook"},
    {2, "triggers forget hook"},
    {4, "triggers retry hook"},
    {4, "message nonsense"},
    {4, "recall 8yIJLk1DzU7"},
    {4, "device nonsense"},
    {4, "user nobody"},
    {4, "user no/body"},
    {4, "stats -L $BASE/nothing"},
    {5, "stats -L http://127.0.0.1:1/push"},
    {5, "top --json -n 1 -L http://127.0.0.1:1/push"},
    {5, "publish -L http://127.0.0.1:1/push -u ann -m x -W 1"},
    {27, "stats -L $BASE/ramen/receive?user=ann\\&a= -W 1"},
};

START_TEST(exit_codes_say_what_happened)
{
    const char *said = shell_run(
        keep_printf("mkdir page; echo text > page/stats; "
                    "printf short > short; head -c 40 /dev/zero | tr '\\0' k "
                    "> key; set +e; $CTL %s > out 2> err; code=$?; "
                    "test $code -eq 0 -o -s err -o -s out || echo silent; "
                    "cat err out; echo; echo code $code",
                    codes[_i].words));

    ck_assert_msg(strstr(said, keep_printf("\ncode %d\n", codes[_i].code))
                      != NULL,
                  "%s: %s", codes[_i].words, said);
    ck_assert_ptr_null(strstr(said, "silent"));
}
END_TEST

START_TEST(access_that_is_refused_is_told_apart)
{
    const char *root = token_sign(
        token_claims("root", ",\"push_admin\":true"));

    server = token_server("", "");
    dress(server);
    ck_assert_ptr_nonnull(
        strstr(shell_run("set +e; $CTL stats; echo $?"), "\n3\n"));
    ck_assert_ptr_nonnull(
        strstr(shell_run("set +e; $CTL stats --token x; echo $?"), "\n3\n"));
    ctl(keep_printf("stats --token %s", root));
    shell_run(keep_printf("printf '%%s\\n' %s > t; chmod 600 t;"
                          "PUSHCTL_TOKEN=x $CTL stats --token-file t;"
                          "PUSHCTL_TOKEN_FILE=t $CTL stats;"
                          "mkdir -p .config/pushctl; echo 'token-file = t' > "
                          ".config/pushctl/config; $CTL stats",
                          root));
}
END_TEST

START_TEST(a_file_of_settings_that_others_read_is_no_place_for_a_secret)
{
    const char *said = shell_run(
        "echo 'basic = ann:secret' > c; chmod 644 c;"
        "$CTL stats --config c | grep -v '^ ';"
        "chmod 600 c; $CTL stats --config c | grep -c 'others can' || true;"
        "echo 'nonsense = 1' > c; set +e; $CTL stats --config c; echo $?");

    ck_assert_ptr_nonnull(strstr(said, "c: others can read the basic in it"));
    ck_assert_ptr_nonnull(strstr(said, "\n0\n"));
    ck_assert_ptr_nonnull(strstr(said, "c: line 1 is no"));
    ck_assert_ptr_nonnull(strstr(said, "\n2\n"));
    ck_assert_ptr_null(strstr(said, "secret"));
}
END_TEST

/* ---- tokens ---- */

static const struct {
    const char *algorithm;
    const char *make; /* the key, by openssl(1) */
} keys[] = {
    {"HS256", "head -c 24 /dev/urandom | od -An -tx1 | tr -d ' \\n' > key;"
              "echo >> key; cp key public; chmod 640 public"},
    {"RS256", "openssl genrsa -out key 2048 2> /dev/null;"
              "openssl pkey -in key -pubout -out public"},
    {"PS256", "openssl genrsa -out key 2048 2> /dev/null;"
              "openssl pkey -in key -pubout -out public"},
    {"ES256", "openssl ecparam -name prime256v1 -genkey -noout -out key;"
              "openssl pkey -in key -pubout -out public"},
};

/* The server gets its key as the harness gives one. */
static void serve_key(const char *make)
{
    const char *file;

    shell_run(make);
    file = token_file(server_file(server, "htdocs/public"), 0640);
    server = server_start(&(struct server_options){
        .receive = keep_printf("PushUser jwt\nPushJWTKey %s\n"
                               "PushJWTAudience us\nPushJWTIssuer me",
                               file),
        .admin = keep_printf("PushUser jwt\nPushJWTKey %s\nRequire all granted"
                             "\nPushJWTAudience us\nPushJWTIssuer me",
                             file)});
}

START_TEST(the_server_takes_the_tokens_that_are_made)
{
    const char *dir = keep_printf("%s/htdocs", server->root);
    const char *token;
    struct stream *st;

    serve_key(keys[_i].make);
    dress(server);
    setenv("DIR", dir, 1);
    token = shell_run(keep_printf(
        "$CTL token --jwt-key key --alg %s -i me -A us -a -c 'news.*' -c x "
        "-p user:ann --kid k -l 60 ann | tr -d '\\n'",
        keys[_i].algorithm));
    setenv("PUSHCTL_TOKEN", token, 1);
    ctl("stats");
    ctl("publish -u ann -m x");
    ck_assert_ptr_nonnull(strstr(
        shell_run("set +e; $CTL publish -u bob -m x; echo $?"), "\n3\n"));
    st = stream_open(server, "device=d&seq=0&channel=news.a&channel=x",
                     keep_printf("Authorization: Bearer %s\r\n", token));
    expect_message(st, 1, "x");
    token = ctl("token --show - <<E\n$PUSHCTL_TOKEN\nE");
    ck_assert_ptr_nonnull(strstr(token, keys[_i].algorithm));
    ck_assert_ptr_nonnull(strstr(token, "push channels  news.*, x\n"));
    ck_assert_ptr_nonnull(strstr(token, "(in "));
}
END_TEST

START_TEST(a_token_says_what_was_asked_for)
{
    const json_t *made = json_keep(json_loads(
        shell_run("head -c 40 /dev/zero | tr '\\0' k > key; $CTL token -j "
                  "--jwt-key key -l 90 -C uid=7 -C name=ann -p '*' bob"),
        0, NULL));

    ck_assert_str_eq(json_text_at(made, "claims.sub"), "bob");
    ck_assert_int_eq(
        json_int_at(made, "claims.exp") - json_int_at(made, "claims.iat"), 90);
    ck_assert_int_eq(json_int_at(made, "claims.uid"), 7);
    ck_assert_str_eq(json_text_at(made, "claims.name"), "ann");
    ck_assert_ptr_null(json_at(made, "claims.push_admin"));
    ck_assert_str_eq(json_text_at(made, "header.alg"), "HS256");
}
END_TEST

/* ---- shells and manual ---- */

START_TEST(bash_completes_every_command_and_option)
{
    shell_run(
        "$CTL completion bash > c.bash; shellcheck c.bash;"
        "cat > try.bash <<'E'\n"
        "set -u; . ./c.bash\n"
        "try() { COMP_WORDS=(\"$@\"); COMP_CWORD=$(($# - 1)); _pushctl; "
        "printf '%s\\n' \"${COMPREPLY[@]}\"; }\n"
        "for c in $($CTL --help | sed -n '/^Commands/,/^Opt/s/^  \\([a-z]*\\) "
        ".*/\\1/p'); do\n"
        "  try pushctl '' > said; grep -qx \"$c\" said || echo \"no $c\"\n"
        "  try pushctl -j \"$c\" -- > said\n"
        "  for o in $($CTL $c --help | sed -n 's/^  [ -].*\\(--[a-z-]*\\).*"
        "/\\1/p'); do grep -qx -e \"$o\" said || echo \"no $c $o\"; done\n"
        "done\n"
        "try pushctl -L token st > said; grep -qx stats said || echo 'no "
        "value'\n"
        "test \"$(try pushctl publish -q v)\" = very-low || echo 'no choice'\n"
        "try pushctl token --jwt-key c.b > said; grep -qx c.bash said || echo "
        "'no file'\n"
        "test \"$(try pushctl completion z)\" = zsh || echo 'no word'\n"
        "E\n"
        "bash try.bash > wrong 2>&1; cat wrong; test ! -s wrong");
}
END_TEST

START_TEST(zsh_completes_every_command_and_option)
{
    shell_run(
        "$CTL completion zsh > _pushctl; zsh -n _pushctl;"
        "for c in $($CTL --help | sed -n '/^Commands/,/^Opt/s/^  \\([a-z]*\\) "
        ".*/\\1/p'); do grep -q \"^        '$c:\" _pushctl;"
        "sed -n \"/^        $c) /,/;;/p; /^    all=/,/^    )/p\" _pushctl > "
        "one;"
        "for o in $($CTL $c --help | sed -n 's/^  [ -].*\\(--[a-z-]*\\).*"
        "/\\1/p'); do grep -q -e \"'$o\" one || { echo \"$c $o\"; exit 1; };"
        " done; done");
}
END_TEST

START_TEST(what_the_manual_page_shows_works)
{
    shell_run(
        "$CTL publish -u ann -m x > /dev/null; mkdir bin;"
        "printf '#!/bin/sh\\nexec %s \"$@\"\\n' \"$CTL\" > bin/pushctl;"
        "chmod +x bin/*; PATH=$PWD/bin:$PATH;"
        "curl -s -m 1 \"$BASE/ramen/receive?user=ann&device=d&seq=0\" || true;"
        "sed -n '/^.SH EXAMPLES/,/^.fi/p' $TOP/sdk-c/man/pushctl.1 | "
        "grep -v '^[.]' | sed 's/\\\\-/-/g' > lines; test -s lines;"
        "while read -r line; do echo \"$line\"; "
        "sh -ec \"$line\" < /dev/null; done < lines");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("sdk-c pushctl");
    TCase *tc = case_add(suite, "pushctl", 90);

    tcase_add_checked_fixture(tc, setup, NULL);
    tcase_add_test(tc, the_figures_are_what_happened);
    tcase_add_test(tc, what_a_full_mailbox_evicts_and_refuses_is_counted);
    tcase_add_test(tc, a_server_that_is_alone_says_so);
    tcase_add_test(tc, check_says_that_all_is_well);
    tcase_add_test(tc, check_fails_where_the_server_is_not_well);
    tcase_add_row_test(tc, what_a_server_answers_is_told, answers);
    tcase_add_test(tc, a_user_s_devices_are_listed_and_shown);
    tcase_add_test(tc, a_user_is_sent_away);
    tcase_add_test(tc, a_user_is_subscribed);
    tcase_add_test(tc, lines_are_published_as_they_come);
    tcase_add_row_test(tc, exit_codes_say_what_happened, codes);
    tcase_add_test(tc, access_that_is_refused_is_told_apart);
    tcase_add_test(
        tc, a_file_of_settings_that_others_read_is_no_place_for_a_secret);
    tcase_add_row_test(tc, the_server_takes_the_tokens_that_are_made, keys);
    tcase_add_test(tc, a_token_says_what_was_asked_for);
    tcase_add_test(tc, bash_completes_every_command_and_option);
    tcase_add_test(tc, zsh_completes_every_command_and_option);
    tcase_add_test(tc, what_the_manual_page_shows_works);
    return case_run(suite);
}
