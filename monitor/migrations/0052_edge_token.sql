-- An edge's name belongs to the token that it came with, for as long as that holds: another token of the same halls does not come under it
-- while the edge is away and gets its cameras.
ALTER TABLE camera_edge ADD COLUMN token bigint REFERENCES token (id);
