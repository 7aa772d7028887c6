#ifndef PUSH_GEO_H
#define PUSH_GEO_H

#include <stdbool.h>

#include "core/types.h"

/*
 * Points and circles on the earth, which counts as a sphere here: distances
 * are right within half a percent (docs/positions.md).
 */

#define PUSH_DEGREE     10000000 /* the unit of a coordinate: 1e-7 degrees */
#define PUSH_METRES_MAX 1000000u /* of the radius of a circle */
#define PUSH_LATITUDES  "-90 to 90" /* as errors say them */
#define PUSH_LONGITUDES "-180 to 180"

typedef struct push_point_t {
    int32_t lat, lon; /* in 1e-7 degrees; north and east are above 0 */
} push_point_t;

typedef struct push_circle_t {
    push_point_t centre;
    uint32_t metres; /* 1 to PUSH_METRES_MAX */
} push_circle_t;

/* True if both are on the earth. */
bool push_point_valid(push_point_t point);

/* The same point, in half of the digits of a double; false: not on earth. */
bool push_point_of(double lat, double lon, push_point_t *point);

/* Metres along the surface. */
double push_point_distance(push_point_t a, push_point_t b);

bool push_circle_valid(const push_circle_t *circle);

/* True if the point is in the circle, or so many metres beyond it at most. */
bool push_circle_has(const push_circle_t *circle, push_point_t point,
                     double beyond);

/*
 * How far a circle reaches, in 1e-7 degrees: no point whose latitude or
 * longitude differs more from those of its centre is in it.
 */
typedef struct push_reach_t {
    uint32_t lat, lon;
} push_reach_t;

push_reach_t push_circle_reach(const push_circle_t *circle);

/* The lesser way around the earth between two longitudes. */
static inline uint32_t push_longitude_between(int32_t a, int32_t b)
{
    int64_t way = a > b ? (int64_t)a - b : (int64_t)b - a;
    int64_t all = INT64_C(360) * PUSH_DEGREE;

    return (uint32_t)(way > all / 2 ? all - way : way);
}

/* False: the point is not in the circle that reaches so far. */
static inline bool push_reach_has(push_reach_t reach, push_point_t centre,
                                  push_point_t point)
{
    uint32_t lat = (uint32_t)(centre.lat > point.lat
                                  ? (int64_t)centre.lat - point.lat
                                  : (int64_t)point.lat - centre.lat);

    return lat <= reach.lat
           && push_longitude_between(centre.lon, point.lon) <= reach.lon;
}

/*
 * "LAT,LON,METRES", with blanks around each; up to 7 decimals, and whole
 * metres.  False: it is no such text, or not legal.
 */
bool push_circle_parse(push_text_t text, push_circle_t *circle);

#define PUSH_CIRCLE_TEXT 40 /* bytes of it as text */

/* Writes it to text[PUSH_CIRCLE_TEXT], not terminated; returns its length. */
size_t push_circle_write(const push_circle_t *circle, char *text);

#endif
