/*
 * pushc/init.h - what the options of pushc.h begin with, in C and in C++.
 *
 * C++ has no designated initializers before C++20, and initializing the first
 * field alone is warned of. Included by pushc.h.
 */
#ifndef PUSHC_INIT_H
#define PUSHC_INIT_H

#ifdef __cplusplus

/* All zero but for its size. */
template <typename T> inline T pushc_sized()
{
    T t = T();

    t.size = sizeof(T);
    return t;
}

/* And but for one more field. */
template <typename T> inline T pushc_sized(long T::*field, long value)
{
    T t = pushc_sized<T>();

    t.*field = value;
    return t;
}

#define PUSHC_SIZED(type) pushc_sized<type>()
#define PUSHC_SIZED_BUT(type, field, value)                                   \
    pushc_sized<type>(&type::field, value)

#else

#define PUSHC_SIZED(type)                                                     \
    {                                                                         \
        .size = sizeof(type)                                                  \
    }
#define PUSHC_SIZED_BUT(type, field, value)                                   \
    {                                                                         \
        .size = sizeof(type), .field = (value)                                \
    }

#endif

#endif
