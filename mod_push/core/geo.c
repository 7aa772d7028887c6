#include "core/geo.h"

#include <math.h>
#include <stdlib.h>

#include "core/digits.h"
#include "core/version.h"

#define EARTH_M 6371008.8 /* mean radius, metres */

#define LATITUDE_MAX  (90 * (int64_t)PUSH_DEGREE)
#define LONGITUDE_MAX (180 * (int64_t)PUSH_DEGREE)

static double radians(double units)
{
    return units * (M_PI / 180 / PUSH_DEGREE);
}

/* ---- points ---- */

bool push_point_valid(push_point_t point)
{
    return llabs(point.lat) <= LATITUDE_MAX
           && llabs(point.lon) <= LONGITUDE_MAX;
}

bool push_point_of(double lat, double lon, push_point_t *point)
{
    if (!(lat >= -90 && lat <= 90) || !(lon >= -180 && lon <= 180)) {
        return false;
    }
    point->lat = (int32_t)llround(lat * PUSH_DEGREE);
    point->lon = (int32_t)llround(lon * PUSH_DEGREE);
    return true;
}

/* The haversine formula, which is exact for small distances too. */
double push_point_distance(push_point_t a, push_point_t b)
{
    double lat = sin(radians((double)b.lat - a.lat) / 2);
    double lon = sin(radians((double)b.lon - a.lon) / 2);
    double h = lat * lat
               + cos(radians(a.lat)) * cos(radians(b.lat)) * lon * lon;

    return 2 * EARTH_M * asin(h < 1 ? sqrt(h) : 1);
}

/* ---- circles ---- */

bool push_circle_valid(const push_circle_t *circle)
{
    return push_point_valid(circle->centre) && circle->metres
           && circle->metres <= PUSH_METRES_MAX;
}

bool push_circle_has(const push_circle_t *circle, push_point_t point,
                     double beyond)
{
    return push_point_distance(circle->centre, point)
           <= circle->metres + beyond;
}

/* One metre more, so that nothing is lost by rounding. */
push_reach_t push_circle_reach(const push_circle_t *circle)
{
    double angle = (circle->metres + 1.0) / EARTH_M;
    double lat = angle * (180 / M_PI) * PUSH_DEGREE;
    push_reach_t reach = {(uint32_t)ceil(lat), (uint32_t)LONGITUDE_MAX};
    double ratio;

    /* With a pole in it, it has all longitudes. */
    if (llabs(circle->centre.lat) + (int64_t)reach.lat >= LATITUDE_MAX) {
        return reach;
    }
    ratio = sin(angle) / cos(radians(circle->centre.lat));
    if (ratio < 1) {
        reach.lon = (uint32_t)ceil(asin(ratio) * (180 / M_PI) * PUSH_DEGREE);
    }
    return reach;
}

/* ---- as text ---- */

static void skip_blanks(push_text_t *text)
{
    while (text->len && (*text->at == ' ' || *text->at == '\t')) {
        text->at++;
        text->len--;
    }
}

static bool take(push_text_t *text, char c)
{
    if (!text->len || *text->at != c) {
        return false;
    }
    text->at++;
    text->len--;
    return true;
}

/* What stands behind the point, as if it had 7 digits; true if none stands. */
static bool take_decimals(push_text_t *text, int64_t *value)
{
    uint32_t before, number;

    if (!take(text, '.')) {
        return true;
    }
    before = text->len;
    if (!push_digits_take(text, 7, &number)) {
        return false;
    }
    *value = number;
    for (uint32_t digits = before - text->len; digits < 7; digits++) {
        *value *= 10;
    }
    return true;
}

static bool take_degrees(push_text_t *text, int64_t most, int32_t *value)
{
    int64_t decimals = 0, all;
    uint32_t whole;
    bool negative;

    skip_blanks(text);
    negative = take(text, '-');
    if (!push_digits_take(text, 3, &whole)
        || !take_decimals(text, &decimals)) {
        return false;
    }
    all = (int64_t)whole * PUSH_DEGREE + decimals;
    *value = (int32_t)(all > most ? 0 : negative ? -all : all);
    skip_blanks(text);
    return all <= most;
}

bool push_circle_parse(push_text_t text, push_circle_t *circle)
{
    if (!take_degrees(&text, LATITUDE_MAX, &circle->centre.lat)
        || !take(&text, ',')
        || !take_degrees(&text, LONGITUDE_MAX, &circle->centre.lon)
        || !take(&text, ',')) {
        return false;
    }
    skip_blanks(&text);
    if (!push_digits_take(&text, 7, &circle->metres)) {
        return false;
    }
    skip_blanks(&text);
    return !text.len && push_circle_valid(circle);
}

/* Without zeros at the end. */
static char *put_degrees(char *at, int32_t value)
{
    uint32_t all = (uint32_t)llabs(value);
    uint32_t rest = all % PUSH_DEGREE;

    if (value < 0) {
        *at++ = '-';
    }
    at = push_put_number(at, all / PUSH_DEGREE);
    if (rest) {
        *at++ = '.';
    }
    for (uint32_t unit = PUSH_DEGREE / 10; rest; unit /= 10) {
        *at++ = (char)('0' + rest / unit);
        rest %= unit;
    }
    return at;
}

size_t push_circle_write(const push_circle_t *circle, char *text)
{
    char *at = put_degrees(text, circle->centre.lat);

    *at++ = ',';
    at = put_degrees(at, circle->centre.lon);
    *at++ = ',';
    return (size_t)(push_put_number(at, circle->metres) - text);
}
