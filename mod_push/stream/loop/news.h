#ifndef PUSH_NEWS_H
#define PUSH_NEWS_H

#include "stream/loop/keeper.h"

/* Ends those that a newer one took over unnoticed. */
void push_keeper_end_overtaken(push_keeper_t *keeper);

/* Notes which streams have news. */
void push_keeper_take_news(push_keeper_t *keeper);

#endif
