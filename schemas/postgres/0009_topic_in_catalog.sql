-- How many partitions events go to is part of what servers know: it comes with the catalog.
CREATE TRIGGER topic_changed AFTER INSERT OR UPDATE OF partitions OR DELETE ON topic
    FOR EACH STATEMENT EXECUTE FUNCTION catalog_changed();
