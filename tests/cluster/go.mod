module breakwater.example/tests/cluster

go 1.26
