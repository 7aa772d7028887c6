#include <stdlib.h>
#include <string.h>

#include "core_suite.h"
#include "http/identity/claims.h"
#include "http/identity/pattern.h"

/* What tokens allow. */

static const push_claim_names_t names = {"sub", "channels", "publish",
                                         "admin"};

static const struct {
    const char *pattern;
    const char *name;
    bool matches;
} patterns[] = {
    {"news", "news", true},
    {"news", "new", false},
    {"news", "news1", false},
    {"news*", "news", true},
    {"news*", "news.a", true},
    {"news*", "new", false},
    {"*", "anything", true},
    {"*", "", true},
    {"", "", false},
    {"", "a", false},
    {"*", "$presence", false},
    {"$*", "$presence", true},
    {"$presence", "$presence", true},
};

START_TEST(a_pattern_matches_what_it_says)
{
    ck_assert(push_pattern_matches(patterns[_i].pattern, patterns[_i].name)
              == patterns[_i].matches);
}
END_TEST

static const struct {
    const char *payload;
    bool valid;
} tokens[] = {
    {"{\"sub\":\"ada\"}", true},
    {"{\"sub\":\"ada\",\"channels\":[],\"publish\":[],\"admin\":false}", true},
    {"{\"sub\":\"ada\",\"channels\":[\"a\",\"b*\",\"*\"]}", true},
    {"{\"sub\":\"ada\",\"channels\":\"a  b* \"}", true},
    {"{\"sub\":\"ada\",\"channels\":\"\"}", true},
    {"{\"sub\":\"ada\",\"publish\":\"channel:a user:b* broadcast *\"}", true},
    {"{}", false},
    {"{\"sub\":\"\"}", false},
    {"{\"sub\":1}", false},
    {"{\"sub\":null}", false},
    {"{\"sub\":\"ada\",\"channels\":{}}", false},
    {"{\"sub\":\"ada\",\"channels\":true}", false},
    {"{\"sub\":\"ada\",\"channels\":null}", false},
    {"{\"sub\":\"ada\",\"channels\":[1]}", false},
    {"{\"sub\":\"ada\",\"channels\":[\"\"]}", false},
    {"{\"sub\":\"ada\",\"channels\":[\"a*b\"]}", false},
    {"{\"sub\":\"ada\",\"channels\":\"a*b\"}", false},
    {"{\"sub\":\"ada\",\"publish\":[\"a\"]}", false},
    {"{\"sub\":\"ada\",\"publish\":[\"channel:\"]}", false},
    {"{\"sub\":\"ada\",\"publish\":[\"channel\"]}", false},
    {"{\"sub\":\"ada\",\"publish\":[\"channels:a\"]}", false},
    {"{\"sub\":\"ada\",\"publish\":[\"everyone\"]}", false},
    {"{\"sub\":\"ada\",\"admin\":\"true\"}", false},
    {"{\"sub\":\"ada\",\"admin\":1}", false},
};

START_TEST(claims_are_read_or_refused_as_a_whole)
{
    json_t *token = json_loads(tokens[_i].payload, 0, NULL);
    push_claims_t claims;

    json_object_set_new(token, "exp", json_integer(1700000000));
    ck_assert_msg(push_claims_read(token, &names, &claims)
                      == (tokens[_i].valid ? PUSH_JWT_OK : PUSH_JWT_CLAIM),
                  "%s", tokens[_i].payload);
    json_decref(token);
}
END_TEST

/* Its end, its beginning; both in ms, or that there is no end. */
static const struct {
    const char *payload;
    int64_t expires, issued;
} times[] = {
    {"{\"sub\":\"ada\",\"exp\":1700000000}", 1700000000000, 0},
    {"{\"sub\":\"ada\",\"exp\":1700000000.5,\"iat\":1600000000}",
     1700000000500, 1600000000000},
    {"{\"sub\":\"ada\",\"exp\":1700000000,\"iat\":1e103}", 1700000000000, 0},
    {"{\"sub\":\"ada\"}", 0, 0},
    {"{\"sub\":\"ada\",\"exp\":0}", 0, 0},
    {"{\"sub\":\"ada\",\"exp\":1e103}", 0, 0},
    {"{\"sub\":\"ada\",\"exp\":-1e103}", 0, 0},
};

START_TEST(a_token_without_an_end_is_never_one_for_ever)
{
    json_t *token = json_loads(times[_i].payload, 0, NULL);
    push_claims_t claims;
    push_jwt_status_t status = push_claims_read(token, &names, &claims);

    ck_assert_int_eq(status,
                     times[_i].expires ? PUSH_JWT_OK : PUSH_JWT_NO_EXPIRY);
    ck_assert(status != PUSH_JWT_OK
              || (claims.expires == times[_i].expires
                  && claims.issued == times[_i].issued));
    json_decref(token);
}
END_TEST

START_TEST(a_name_with_nul_in_it_is_refused)
{
    static const char *const payloads[] = {
        "{\"sub\":\"ada\\u0000x\"}",
        "{\"sub\":\"ada\",\"channels\":[\"a\\u0000x\"]}",
    };

    for (size_t i = 0; i < 2; i++) {
        json_t *token = json_loads(payloads[i], JSON_ALLOW_NUL, NULL);
        push_claims_t claims;

        ck_assert_ptr_nonnull(token);
        json_object_set_new(token, "exp", json_integer(1700000000));
        ck_assert_int_eq(push_claims_read(token, &names, &claims),
                         PUSH_JWT_CLAIM);
        json_decref(token);
    }
}
END_TEST

START_TEST(more_patterns_than_a_claim_may_hold_are_refused)
{
    json_t *token = json_pack("{s:s, s:i}", "sub", "ada", "exp", 1700000000);
    json_t *list = json_array();
    push_claims_t claims;

    for (unsigned i = 0; i < PUSH_CLAIM_PATTERNS_MAX; i++) {
        json_array_append_new(list, json_string("a"));
    }
    json_object_set_new(token, "channels", list);
    ck_assert_int_eq(push_claims_read(token, &names, &claims), PUSH_JWT_OK);
    json_array_append_new(list, json_string("a"));
    ck_assert_int_eq(push_claims_read(token, &names, &claims), PUSH_JWT_CLAIM);
    json_decref(token);
}
END_TEST

/* kind NULL: a broadcast. */
static const struct {
    const char *scope;
    const char *kind;
    const char *name;
    bool allowed;
} scopes[] = {
    {"channel:a*", "channel", "abc", true},
    {"channel:a*", "channel", "b", false},
    {"channel:a*", "user", "abc", false},
    {"channel:*", NULL, NULL, false},
    {"user:ada", "user", "ada", true},
    {"user:ada", "user", "adam", false},
    {"user:ada", "channel", "ada", false},
    {"user:*", NULL, NULL, false},
    {"broadcast", NULL, NULL, true},
    {"broadcast", "user", "ada", false},
    {"broadcast", "channel", "broadcast", false},
    {"*", NULL, NULL, true},
    {"*", "user", "ada", true},
    {"*", "channel", "c", true},
    {"channel:x user:ada", "user", "ada", true},
    {"", "user", "ada", false},
    {"", NULL, NULL, false},
};

START_TEST(a_token_publishes_to_what_its_scope_names)
{
    json_t *token = json_pack("{s:s, s:s, s:i}", "sub", "ada", "publish",
                              scopes[_i].scope, "exp", 1700000000);
    push_claims_t claims;

    ck_assert_int_eq(push_claims_read(token, &names, &claims), PUSH_JWT_OK);
    ck_assert(push_claims_may_publish(claims.publish, scopes[_i].kind,
                                      scopes[_i].name)
              == scopes[_i].allowed);
    ck_assert(
        !push_claims_may_publish(NULL, scopes[_i].kind, scopes[_i].name));
    json_decref(token);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("claims");
    TCase *tc = unit_case(suite, "claims", 10);

    tcase_add_row_test(tc, a_pattern_matches_what_it_says, patterns);
    tcase_add_row_test(tc, claims_are_read_or_refused_as_a_whole, tokens);
    tcase_add_row_test(tc, a_token_without_an_end_is_never_one_for_ever,
                       times);
    tcase_add_test(tc, a_name_with_nul_in_it_is_refused);
    tcase_add_test(tc, more_patterns_than_a_claim_may_hold_are_refused);
    tcase_add_row_test(tc, a_token_publishes_to_what_its_scope_names, scopes);
    return unit_run(suite);
}
