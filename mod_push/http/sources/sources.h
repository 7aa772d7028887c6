#ifndef PUSH_SOURCES_H
#define PUSH_SOURCES_H

/* Registers the functions of sources/source.h, for other modules. */
void push_sources_register(void);

#endif
