-- The edges by which the words of each source came, and since when: while all of them are away, the source cannot be heard.
CREATE TABLE source_edge (
    source text NOT NULL,
    edge   text NOT NULL,
    -- When the first of its words was received there.
    since  timestamptz NOT NULL,
    PRIMARY KEY (source, edge)
);
