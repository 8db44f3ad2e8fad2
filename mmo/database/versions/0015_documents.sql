-- Documents of any shape, and data tables. A new kind of document is a row: it causes no DDL.

CREATE SCHEMA documents AUTHORIZATION mmo_owner;
GRANT USAGE ON SCHEMA documents TO mmo_as_reader;

CREATE TABLE documents.kind (
    tenant_id int NOT NULL REFERENCES tenancy.tenant,
    name text NOT NULL CHECK (name ~ '^[a-z][a-z0-9_-]{0,63}$'),
    title text NOT NULL,
    is_table boolean NOT NULL,               -- a data table: its documents are rows about a subject
    json_schema jsonb,                       -- NULL: any shape
    indexes text[] NOT NULL,                 -- JSON pointers of the fields that lists filter by
    version int NOT NULL DEFAULT 1,
    changed_by text NOT NULL,
    changed_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, name)
);

CREATE TABLE documents.document (
    tenant_id int NOT NULL,
    id uuid NOT NULL,
    kind text NOT NULL,
    subject text,                            -- what it is about: 'wallet/<id>'
    body jsonb NOT NULL CHECK (jsonb_typeof(body) = 'object'),
    version int NOT NULL,
    changed_by text NOT NULL,
    changed_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, kind) REFERENCES documents.kind
);
CREATE INDEX document_kind ON documents.document (tenant_id, kind, id);
CREATE INDEX document_subject ON documents.document (tenant_id, subject, kind, id) WHERE subject IS NOT NULL;

CREATE TABLE documents.version (
    tenant_id int NOT NULL REFERENCES tenancy.tenant,
    document_id uuid NOT NULL,
    number int NOT NULL,
    kind text NOT NULL,
    subject text,
    body jsonb,                              -- NULL: removed
    changed_by text NOT NULL,
    changed_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, document_id, number)
);

-- One row for each declared field of each document: one btree for all kinds there will ever be.
CREATE TABLE documents.index_entry (
    tenant_id int NOT NULL,
    kind text NOT NULL,
    pointer text NOT NULL,
    value text NOT NULL CHECK (length(value) <= 402),   -- a JSON scalar: 200 characters, each maybe escaped
    document_id uuid NOT NULL,
    PRIMARY KEY (tenant_id, kind, pointer, value, document_id)
);
CREATE INDEX index_entry_document ON documents.index_entry (tenant_id, document_id);

ALTER TABLE documents.kind OWNER TO mmo_owner;
ALTER TABLE documents.document OWNER TO mmo_owner;
ALTER TABLE documents.version OWNER TO mmo_owner;
ALTER TABLE documents.index_entry OWNER TO mmo_owner;
SELECT tenancy.isolate('documents.kind'), tenancy.isolate('documents.document'), tenancy.isolate('documents.version'),
       tenancy.isolate('documents.index_entry');
GRANT SELECT ON documents.kind, documents.document, documents.version, documents.index_entry TO mmo_as_reader;
GRANT INSERT, UPDATE ON documents.kind TO mmo_as_poster;
GRANT INSERT, UPDATE, DELETE ON documents.document TO mmo_as_poster;
GRANT INSERT ON documents.version TO mmo_as_poster;
GRANT INSERT, DELETE ON documents.index_entry TO mmo_as_poster;

-- Whether a value of a document satisfies one predicate. Numbers and texts compare by type: 9 is no more than '10'.
CREATE FUNCTION documents.satisfies(p_value jsonb, p_operator text, p_wanted jsonb) RETURNS boolean
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    WITH compared AS (
        SELECT CASE
                   WHEN jsonb_typeof(p_value) IS DISTINCT FROM jsonb_typeof(p_wanted) THEN NULL
                   WHEN jsonb_typeof(p_value) = 'number' THEN sign((p_value #>> '{}')::numeric - (p_wanted #>> '{}')::numeric)
                   WHEN jsonb_typeof(p_value) = 'string' THEN
                       CASE WHEN p_value = p_wanted THEN 0
                            WHEN (p_value #>> '{}') COLLATE "C" < (p_wanted #>> '{}') COLLATE "C" THEN -1
                            ELSE 1 END
               END AS c
    )
    SELECT coalesce(CASE p_operator
        WHEN '=' THEN coalesce(p_value, 'null') = p_wanted
        WHEN '!=' THEN coalesce(p_value, 'null') <> p_wanted
        WHEN 'in' THEN p_wanted @> jsonb_build_array(coalesce(p_value, 'null'))
        WHEN 'exists' THEN (coalesce(p_value, 'null') <> 'null') = (p_wanted = 'true')
        WHEN '<' THEN c < 0
        WHEN '<=' THEN c <= 0
        WHEN '>' THEN c > 0
        WHEN '>=' THEN c >= 0
    END, false) FROM compared
$$;

-- How many rows of a data table about the party's wallet satisfy all predicates.
CREATE FUNCTION bep.need_table(p_tenant int, p_need jsonb) RETURNS jsonb
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT to_jsonb(count(*)) FROM documents.document d
     WHERE d.tenant_id = p_tenant AND d.kind = p_need ->> 'name' AND d.subject = 'wallet/' || (p_need ->> 'wallet')
       AND NOT EXISTS (
           SELECT FROM jsonb_array_elements(p_need -> 'where') p
            WHERE NOT documents.satisfies(d.body #> string_to_array(p ->> 0, '.'), p ->> 1, p -> 2))
$$;

ALTER FUNCTION documents.satisfies OWNER TO mmo_owner;
ALTER FUNCTION bep.need_table OWNER TO mmo_owner;
REVOKE ALL ON FUNCTION documents.satisfies, bep.need_table FROM PUBLIC;
