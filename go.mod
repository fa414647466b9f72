module kioskd

go 1.26
