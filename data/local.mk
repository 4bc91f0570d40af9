dist_pkgdata_DATA += %D%/digits.csv %D%/digits.README
EXTRA_DIST += scripts/make-digits
