#include "core/geo.h"
#include "core_suite.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Points and circles on the earth, over its poles and its date line too. */

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

/* What others say of the same places, on a sphere of 6371008.8 m. */
static const struct {
    double from[2], to[2];
    double metres;
} ways[] = {
    {{38.7223, -9.1393}, {38.7223, -9.1393}, 0},
    {{0, 0}, {0, 1}, 111195.08},
    {{0, 0}, {1, 0}, 111195.08},
    {{0, 179.5}, {0, -179.5}, 111195.08},
    {{60, 10}, {60, 10.001}, 55.5975},
    {{89.5, 0}, {89.5, 180}, 111195.08},
    {{-89.5, 90}, {-89.5, -90}, 111195.08},
    {{90, 0}, {90, 123}, 0},
    {{90, 0}, {-90, 0}, 20015114.4},
    {{0, 0}, {0, 180}, 20015114.4},
    {{38.7223, -9.1393}, {41.1579, -8.6291}, 274295.88},
    {{50.066389, -5.714722}, {58.643889, -3.07}, 968855},
};

START_TEST(a_distance_is_that_along_the_surface)
{
    push_point_t from = point(ways[_i].from[0], ways[_i].from[1]);
    push_point_t to = point(ways[_i].to[0], ways[_i].to[1]);
    double metres = push_point_distance(from, to);

    ck_assert_msg(fabs(metres - ways[_i].metres) <= 0.01 + metres * 2e-5,
                  "%d: %f", _i, metres);
    ck_assert_double_eq(metres, push_point_distance(to, from));
}
END_TEST

/* Of points on a ring just within the circle the box has each. */
static const push_circle_t circles[] = {
    {{387223000, -91393000}, 200},
    {{387223000, 1799999000}, 5000},
    {{0, -1800000000}, 1000000},
    {{899000000, 0}, 50000},
    {{-900000000, 0}, 1},
    {{890000000, 450000000}, 111000},
    {{890000000, 450000000}, 112000},
    {{600000000, 0}, 1000000},
    {{0, 0}, 1},
};

static push_point_t at_bearing(const push_circle_t *circle, double share,
                               double bearing)
{
    double lat = circle->centre.lat * (M_PI / 180 / PUSH_DEGREE);
    double lon = circle->centre.lon * (M_PI / 180 / PUSH_DEGREE);
    double angle = circle->metres * share / 6371008.8;
    double to = asin(sin(lat) * cos(angle)
                     + cos(lat) * sin(angle) * cos(bearing));
    double way = atan2(sin(bearing) * sin(angle) * cos(lat),
                       cos(angle) - sin(lat) * sin(to));

    return point(to * 180 / M_PI, remainder((lon + way) * 180 / M_PI, 360));
}

START_TEST(what_is_in_a_circle_is_within_its_reach)
{
    const push_circle_t *circle = &circles[_i];
    push_reach_t reach = push_circle_reach(circle);

    for (int i = 0; i < 720; i++) {
        push_point_t in = at_bearing(circle, 0.99, i * M_PI / 360);
        push_point_t out = at_bearing(circle, 1.05, i * M_PI / 360);

        ck_assert(push_circle_has(circle, in, 0));
        ck_assert(push_reach_has(reach, circle->centre, in));
        ck_assert(!push_circle_has(circle, out, 0));
        ck_assert(push_circle_has(circle, out, circle->metres * 0.06 + 0.1));
    }
}
END_TEST

START_TEST(what_is_far_is_not_within_its_reach)
{
    push_circle_t circle = {{387223000, 1799999000}, 200};
    push_reach_t reach = push_circle_reach(&circle);

    ck_assert(push_reach_has(reach, circle.centre, point(38.7223, -180)));
    ck_assert(!push_reach_has(reach, circle.centre, point(38.7223, 179.99)));
    ck_assert(!push_reach_has(reach, circle.centre, point(38.7223, -179.99)));
    ck_assert(!push_reach_has(reach, circle.centre, point(38.7243, 180)));
    ck_assert(!push_reach_has(reach, circle.centre, point(-38.7223, 180)));
}
END_TEST

static const struct {
    double lat, lon;
    bool valid;
} coordinates[] = {{90, 180, true},         {-90, -180, true},
                   {90.0000001, 0, false},  {-91, 0, false},
                   {0, 180.0000001, false}, {0, -181, false},
                   {NAN, 0, false},         {0, NAN, false},
                   {INFINITY, 0, false},    {0, -INFINITY, false}};

START_TEST(only_coordinates_of_the_earth_are_taken)
{
    push_point_t made;

    ck_assert_int_eq(push_point_of(coordinates[_i].lat, coordinates[_i].lon,
                                   &made),
                     coordinates[_i].valid);
}
END_TEST

/* NULL: it is refused. */
static const struct {
    const char *text, *again;
} texts[] = {
    {"38.7223,-9.1393,200", "38.7223,-9.1393,200"},
    {" 38.7223 , -9.1393\t, 200 ", "38.7223,-9.1393,200"},
    {"0,0,1", "0,0,1"},
    {"-0.0000001,0.1000000,1000000", "-0.0000001,0.1,1000000"},
    {"90,180,1", "90,180,1"},
    {"-90.0000000,-180.0000000,1000000", "-90,-180,1000000"},
    {"-89.9999999,-179.9999999,999999", "-89.9999999,-179.9999999,999999"},
    {"007,008,009", "7,8,9"},
    {"90.0000001,0,1", NULL},
    {"0,180.0000001,1", NULL},
    {"91,0,1", NULL},
    {"0,0,0", NULL},
    {"0,0,1000001", NULL},
    {"0,0,-1", NULL},
    {"0,0,1.5", NULL},
    {"0,0", NULL},
    {"0,0,", NULL},
    {"0,0,1,", NULL},
    {"0,0,1x", NULL},
    {"+1,0,1", NULL},
    {"1.,0,1", NULL},
    {".5,0,1", NULL},
    {"1.12345678,0,1", NULL},
    {"1e1,0,1", NULL},
    {"- 1,0,1", NULL},
    {"0;0;1", NULL},
    {"0000,0,1", NULL},
    {"", NULL},
};

START_TEST(a_circle_as_text_is_read_as_it_is_written)
{
    char text[PUSH_CIRCLE_TEXT];
    push_circle_t circle;
    size_t len;

    ck_assert_msg(push_circle_parse(text_of(texts[_i].text), &circle)
                      == (texts[_i].again != NULL),
                  "%s", texts[_i].text);
    if (texts[_i].again) {
        len = push_circle_write(&circle, text);
        ck_assert_uint_eq(len, strlen(texts[_i].again));
        ck_assert_mem_eq(text, texts[_i].again, len);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("geo");
    TCase *tc = unit_case(suite, "geo", 20);

    tcase_add_row_test(tc, a_distance_is_that_along_the_surface, ways);
    tcase_add_row_test(tc, what_is_in_a_circle_is_within_its_reach, circles);
    tcase_add_test(tc, what_is_far_is_not_within_its_reach);
    tcase_add_row_test(tc, only_coordinates_of_the_earth_are_taken,
                       coordinates);
    tcase_add_row_test(tc, a_circle_as_text_is_read_as_it_is_written, texts);
    return unit_run(suite);
}
