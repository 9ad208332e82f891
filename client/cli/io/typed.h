/* Names that a person typed. */
#ifndef TYPED_H
#define TYPED_H

/* `text` in Unicode normalization form C, which the broker asks of names: keyboards and file systems give other forms
 * too. It is `text` itself if that is in this form already, else a copy that lives as long as the program. */
const char *typed_name(const char *text);

#endif
