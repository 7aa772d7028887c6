/*
 * How much the model of the library knows.
 */
#ifndef HARNESS_LIBRARY_MODEL_SIZES_H
#define HARNESS_LIBRARY_MODEL_SIZES_H

/* Who compiles the model for many nodes says how many (-DMODEL_OWNERS=…). */
#define MODEL_LOGS    4 /* two users, a channel, the broadcast */
#define MODEL_MEMBERS 40
#define MODEL_TOPICS  8
#ifndef MODEL_OWNERS
#define MODEL_OWNERS 3
#endif
#define MODEL_DEVICES 4
#ifndef MODEL_KEYS
#define MODEL_KEYS 4
#endif
#define MODEL_RECALLS 400
#define MODEL_LATERS  12
#define MODEL_TAGS    3
#ifndef MODEL_QUEUE
#define MODEL_QUEUE 900
#endif

#endif
