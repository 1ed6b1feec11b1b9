-- A camera's second, smaller stream, with the same user, password and transport.
ALTER TABLE camera_connection ADD COLUMN sub_url text;
