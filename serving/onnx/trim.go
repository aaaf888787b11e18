package onnx

/*
#include <stdlib.h>
#ifdef __GLIBC__
#include <malloc.h>
static void trim(void) { malloc_trim(0); }
#else
static void trim(void) {}
#endif
*/
import "C"

// trim hands memory that an unloaded model has freed back to the system: glibc keeps
// it otherwise, and a server that loads and unloads models grows.
func trim() { C.trim() }
