#ifndef PUSH_SERVER_VERSION_H
#define PUSH_SERVER_VERSION_H

/* That of the module, the SDKs and the packages; from the file VERSION, by
 * `make version`. */
#define PUSH_VERSION "1.0.0"

#endif
