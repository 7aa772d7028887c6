#include "core/fences.h"
#include "core_suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Where devices are, and the circles that they come into and leave. */

#define NOW INT64_C(1000000)

static push_fences_t *fences;
static push_places_t *places;

static void set_up(void)
{
    fences = calloc(1, sizeof(*fences));
    places = calloc(1, sizeof(*places));
}

static void tear_down(void)
{
    free(fences);
    free(places);
}

static push_text_t text_of(const char *text)
{
    return (push_text_t){text, (uint32_t)strlen(text)};
}

static push_point_t point(double lat, double lon)
{
    push_point_t made;

    ck_assert(push_point_of(lat, lon, &made));
    return made;
}

static push_status_t put(const char *name, double lon, uint32_t metres,
                         const char *user)
{
    push_fence_view_t fence = {
        text_of(name), text_of(user), {point(0, lon), metres}, NOW + 1000};

    return push_fences_put(fences, &fence, NOW);
}

/* Moves anna, and says what she crossed as "+a-b". */
static const char *moved(push_fix_t *fix, double lon, uint32_t accuracy,
                         int64_t at)
{
    static char text[1024];
    push_visit_t visit = {
        .fix = {.point = point(0, lon), .accuracy = accuracy, .at = at}};
    size_t len = 0;

    push_fences_visit(fences, text_of("anna"), fix->at ? fix : NULL, &visit);
    text[0] = '\0';
    for (unsigned i = 0; i < visit.count; i++) {
        len += (size_t)snprintf(text + len, sizeof(text) - len, "%c%.*s",
                                visit.crossings[i].entered ? '+' : '-',
                                (int)visit.crossings[i].len,
                                visit.crossings[i].name);
    }
    *fix = visit.fix;
    return text;
}

/* A degree of the equator has 111,195 m: 0.001 are 111 m. */

START_TEST(who_stands_at_the_edge_of_a_fence_comes_and_leaves_once)
{
    push_fix_t fix = {.at = 0};

    ck_assert_int_eq(put("pickup", 0, 200, ""), PUSH_OK);
    ck_assert_str_eq(moved(&fix, 0.0019, 0, NOW), "");
    ck_assert_str_eq(moved(&fix, 0.00179, 0, NOW), "+pickup");
    /* 212 m: less than 10 % beyond. */
    ck_assert_str_eq(moved(&fix, 0.0019, 0, NOW), "");
    ck_assert_str_eq(moved(&fix, 0.00179, 0, NOW), "");
    ck_assert_str_eq(moved(&fix, 0.0020, 0, NOW), "-pickup");
    ck_assert_str_eq(moved(&fix, 0.0019, 0, NOW), "");
    ck_assert_str_eq(moved(&fix, 0, 0, NOW), "+pickup");
    /* 334 m, known to within 150 m. */
    ck_assert_str_eq(moved(&fix, 0.0030, 150, NOW), "");
    ck_assert_str_eq(moved(&fix, 0.0030, 100, NOW), "-pickup");
}
END_TEST

START_TEST(a_fence_for_one_user_is_crossed_by_nobody_else)
{
    push_fix_t fix = {.at = 0};

    ck_assert_int_eq(put("hers", 0, 200, "anna"), PUSH_OK);
    ck_assert_int_eq(put("his", 0, 200, "bert"), PUSH_OK);
    ck_assert_str_eq(moved(&fix, 0, 0, NOW), "+hers");
    ck_assert_str_eq(moved(&fix, 1, 0, NOW), "-hers");
}
END_TEST

START_TEST(a_fence_that_is_gone_is_not_left)
{
    push_fix_t fix = {.at = 0};

    ck_assert_int_eq(put("a", 0, 200, ""), PUSH_OK);
    ck_assert_int_eq(put("b", 0, 300, ""), PUSH_OK);
    ck_assert_str_eq(moved(&fix, 0, 0, NOW), "+a+b");
    ck_assert(push_fences_remove(fences, text_of("a"), NOW));
    ck_assert(!push_fences_remove(fences, text_of("a"), NOW));
    ck_assert_str_eq(moved(&fix, 1, 0, NOW), "-b");
    ck_assert_str_eq(moved(&fix, 0, 0, NOW), "+b");
    /* Its time is over. */
    ck_assert_str_eq(moved(&fix, 1, 0, NOW + 1000), "");
}
END_TEST

START_TEST(a_fence_that_is_put_up_again_is_another_one_only_where_it_moved)
{
    push_fix_t fix = {.at = 0};
    push_fence_view_t view;

    ck_assert_int_eq(put("a", 0, 200, ""), PUSH_OK);
    ck_assert_str_eq(moved(&fix, 0, 0, NOW), "+a");
    ck_assert_int_eq(put("a", 0, 200, ""), PUSH_OK);
    ck_assert_str_eq(moved(&fix, 0, 0, NOW), "");
    ck_assert_int_eq(put("a", 0, 201, ""), PUSH_OK);
    ck_assert_str_eq(moved(&fix, 0, 0, NOW), "+a");
    ck_assert_uint_eq(fences->high, 1);
    ck_assert(push_fences_find(fences, text_of("a"), NOW, &view));
    ck_assert_uint_eq(view.circle.metres, 201);
    ck_assert(!push_fences_find(fences, text_of("b"), NOW, &view));
    ck_assert(!push_fences_find(fences, text_of("a"), NOW + 1000, &view));
}
END_TEST

START_TEST(a_device_is_in_eight_fences_at_most)
{
    push_fix_t fix = {.at = 0};
    char name[16];

    for (int i = 0; i < 10; i++) {
        snprintf(name, sizeof(name), "%d", i);
        ck_assert_int_eq(put(name, 0, 200 + (uint32_t)i, ""), PUSH_OK);
    }
    ck_assert_str_eq(moved(&fix, 0, 0, NOW), "+0+1+2+3+4+5+6+7");
    ck_assert_str_eq(moved(&fix, 0, 0, NOW), "");
    ck_assert(push_fences_remove(fences, text_of("3"), NOW));
    ck_assert_str_eq(moved(&fix, 0, 0, NOW), "+8");
    ck_assert_str_eq(moved(&fix, 1, 0, NOW), "-0-1-2-4-5-6-7-8");
}
END_TEST

START_TEST(as_many_fences_stand_as_may_and_one_that_went_makes_room)
{
    push_fence_view_t view;
    uint32_t at = 0, count = 0;
    char name[16];

    for (unsigned i = 0; i < PUSH_FENCES_MAX; i++) {
        snprintf(name, sizeof(name), "%u", i);
        ck_assert_int_eq(put(name, 1, 200, ""), PUSH_OK);
    }
    ck_assert_int_eq(put("more", 0, 200, ""), PUSH_TOO_MANY);
    ck_assert_int_eq(put("17", 0, 300, ""), PUSH_OK);
    ck_assert(push_fences_remove(fences, text_of("4711"), NOW));
    ck_assert_int_eq(put("more", 0, 200, ""), PUSH_OK);
    ck_assert_int_eq(put("yet", 0, 200, ""), PUSH_TOO_MANY);
    while (push_fences_next(fences, &at, NOW, &view)) {
        count++;
    }
    ck_assert_uint_eq(count, PUSH_FENCES_MAX);
    at = 0;
    ck_assert(!push_fences_next(fences, &at, NOW + 1000, &view));
}
END_TEST

/* ---- where devices are ---- */

static void make_id(uint64_t number, unsigned char *id)
{
    uint64_t words[2] = {number, ~number};

    memcpy(id, words, PUSH_CONTEXT_BYTES);
}

START_TEST(a_fix_is_found_until_it_is_too_old_or_taken_back)
{
    push_fix_t fix = {.point = {-387223000, 91393000},
                      .accuracy = 12,
                      .at = NOW,
                      .until = NOW + 1000,
                      .inside = {7}};
    unsigned char id[PUSH_CONTEXT_BYTES], other[PUSH_CONTEXT_BYTES];
    push_fix_t found;

    make_id(17, id);
    make_id(17 + PUSH_PLACE_SETS, other);
    ck_assert(!push_places_find(NULL, id, &found));
    ck_assert(!push_places_find(places, id, &found));
    push_places_keep(places, id, &fix);
    ck_assert(push_places_find(places, id, &found));
    ck_assert_int_eq(found.point.lat, -387223000);
    ck_assert_int_eq(found.point.lon, 91393000);
    ck_assert_uint_eq(found.accuracy, 12);
    ck_assert_int_eq(found.at, NOW);
    ck_assert_int_eq(found.until, NOW + 1000);
    ck_assert_mem_eq(found.inside, fix.inside, sizeof(fix.inside));
    ck_assert(!push_places_find(places, other, &found));
    push_places_tick(places, NOW + 999);
    push_places_tick(places, NOW);
    ck_assert(push_places_find(places, id, &found));
    push_places_tick(places, NOW + 1000);
    ck_assert(!push_places_find(places, id, &found));
    ck_assert(!push_places_forget(places, id));
    fix.until = NOW + 2000;
    push_places_keep(places, id, &fix);
    ck_assert(push_places_forget(places, id));
    ck_assert(!push_places_find(places, id, &found));
    ck_assert(!push_places_forget(places, id));
}
END_TEST

START_TEST(in_a_full_set_the_oldest_fix_goes)
{
    unsigned char id[PUSH_CONTEXT_BYTES];
    push_fix_t found;

    for (uint64_t i = 0; i <= PUSH_PLACE_WAYS; i++) {
        push_fix_t fix = {.at = NOW + (int64_t)(i * 7 % 17),
                          .until = NOW + 1000};

        make_id(3 + i * PUSH_PLACE_SETS, id);
        push_places_keep(places, id, &fix);
    }
    for (uint64_t i = 0; i <= PUSH_PLACE_WAYS; i++) {
        make_id(3 + i * PUSH_PLACE_SETS, id);
        ck_assert_int_eq(push_places_find(places, id, &found), i != 0);
    }
}
END_TEST

START_TEST(what_a_dead_process_left_half_written_counts_as_none)
{
    push_fix_t fix = {.at = NOW, .until = NOW + 1000}, found;
    unsigned char id[PUSH_CONTEXT_BYTES];

    make_id(5, id);
    push_places_keep(places, id, &fix);
    places->sets[5][0].version |= 1;
    ck_assert(!push_places_find(places, id, &found));
    push_places_keep(places, id, &fix);
    ck_assert(push_places_find(places, id, &found));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("fences");
    TCase *tc = unit_case(suite, "fences", 20);

    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_test(tc,
                   who_stands_at_the_edge_of_a_fence_comes_and_leaves_once);
    tcase_add_test(tc, a_fence_for_one_user_is_crossed_by_nobody_else);
    tcase_add_test(tc, a_fence_that_is_gone_is_not_left);
    tcase_add_test(
        tc, a_fence_that_is_put_up_again_is_another_one_only_where_it_moved);
    tcase_add_test(tc, a_device_is_in_eight_fences_at_most);
    tcase_add_test(tc,
                   as_many_fences_stand_as_may_and_one_that_went_makes_room);
    tcase_add_test(tc, a_fix_is_found_until_it_is_too_old_or_taken_back);
    tcase_add_test(tc, in_a_full_set_the_oldest_fix_goes);
    tcase_add_test(tc, what_a_dead_process_left_half_written_counts_as_none);
    return unit_run(suite);
}
