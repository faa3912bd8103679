// Included before everything in a build with -ffast-math: the package must have switched it off again.
#ifdef __FAST_MATH__
#error "-ffast-math reaches code that uses the package"
#endif
