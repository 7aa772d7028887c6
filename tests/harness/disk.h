/*
 * A small file system of its own, to be filled.
 */
#ifndef HARNESS_DISK_H
#define HARNESS_DISK_H

/*
 * Mount one of that size ("40m"), until the test ends. Its path, or NULL, said
 * on stderr, where nothing may be mounted.
 */
const char *disk_mount(const char *size);

/* Take all room that is left. */
void disk_fill(const char *disk);

/* Give back what disk_fill() took. */
void disk_empty(const char *disk);

#endif
