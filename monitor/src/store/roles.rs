//! Two roles of the database: the owner makes and alters the tables (`mingjing migrate`), the console works in them and can
//! alter nothing that is append-only.

use sqlx::{AssertSqlSafe, FromRow, PgConnection};

use super::StoreError;

/// What the role of a connection could do to the audit log, beyond reading it and appending to it.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct Powers {
    /// The role.
    pub role: String,
    /// It may do anything.
    pub superuser: bool,
    /// It owns the tables, their schema or the database: it may drop them, and grant itself the rest.
    pub owner: bool,
    /// It was granted more than SELECT and INSERT.
    pub granted: bool,
}

impl Powers {
    /// Why the audit log is not safe from this role; `None`: it is.
    pub fn over_audit(&self) -> Option<&'static str> {
        if self.superuser {
            Some("is a superuser")
        } else if self.owner {
            Some("owns its table")
        } else if self.granted {
            Some("may update or delete its rows")
        } else {
            None
        }
    }
}

/// What the role of this connection could do.
pub async fn powers(connection: &mut PgConnection) -> Result<Powers, StoreError> {
    let row = sqlx::query_as(
        "SELECT r.rolname::text AS role, r.rolsuper AS superuser,
                coalesce(bool_or(pg_has_role(r.oid, c.relowner, 'MEMBER') OR pg_has_role(r.oid, n.nspowner, 'MEMBER')), false)
                    AS owner,
                coalesce(bool_or(has_table_privilege(r.oid, c.oid, 'UPDATE, DELETE, TRUNCATE, TRIGGER')
                                 OR has_any_column_privilege(r.oid, c.oid, 'UPDATE')), false) AS granted
         FROM pg_roles r
         LEFT JOIN (pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace)
             ON c.oid IN (to_regclass('audit'), to_regclass('audit_head'))
         WHERE r.rolname = current_user GROUP BY r.oid, r.rolname, r.rolsuper",
    );
    Ok(row.fetch_one(connection).await?)
}

/// Lets `role`, which must be there, work as the console does: everywhere, but in append-only tables (those that
/// `refuse_change()` guards) by reading and appending only, and in the heads of the audit log and the list of migrations by
/// reading only. To be done again after every migration: new tables are granted then.
pub async fn let_work(connection: &mut PgConnection, role: &str) -> Result<(), StoreError> {
    let there: bool = sqlx::query_scalar("SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)")
        .bind(role)
        .fetch_one(&mut *connection)
        .await?;
    if !there {
        return Err(StoreError::Import(format!(
            "the server has no role {role:?}: make it as an administrator, CREATE ROLE {} LOGIN PASSWORD '…'",
            quoted(role)
        )));
    }
    let guarded: Vec<String> = sqlx::query_scalar(
        "SELECT DISTINCT t.tgrelid::regclass::text FROM pg_trigger t
         WHERE t.tgfoid = 'refuse_change()'::regprocedure AND NOT t.tgisinternal ORDER BY 1",
    )
    .fetch_all(&mut *connection)
    .await?;
    let database: String = sqlx::query_scalar("SELECT quote_ident(current_database())")
        .fetch_one(&mut *connection)
        .await?;
    let role = quoted(role);
    let mut statements = vec![
        "BEGIN".to_owned(),
        // Several may migrate at once, and GRANT does not wait its turn.
        "SELECT pg_advisory_xact_lock(7365215)".to_owned(),
        // Servers before version 15 let everybody make tables here.
        "REVOKE CREATE ON SCHEMA public FROM PUBLIC".to_owned(),
        format!("GRANT CONNECT ON DATABASE {database} TO {role}"),
        format!("GRANT USAGE ON SCHEMA public TO {role}"),
        format!("GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role}"),
        format!("GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {role}"),
        // Drops only what is old and settled, whoever calls it.
        format!("GRANT EXECUTE ON FUNCTION drop_case_events TO {role}"),
        format!("GRANT EXECUTE ON FUNCTION drop_log TO {role}"),
    ];
    for table in guarded {
        statements.push(format!("REVOKE ALL ON {table} FROM {role}"));
        statements.push(format!("GRANT SELECT, INSERT ON {table} TO {role}"));
    }
    for table in ["audit_head", "_sqlx_migrations"] {
        statements.push(format!("REVOKE ALL ON {table} FROM {role}"));
        statements.push(format!("GRANT SELECT ON {table} TO {role}"));
    }
    statements.push("COMMIT".to_owned());
    for statement in statements {
        if let Err(error) = sqlx::query(AssertSqlSafe(statement))
            .execute(&mut *connection)
            .await
        {
            sqlx::query("ROLLBACK").execute(&mut *connection).await.ok();
            return Err(error.into());
        }
    }
    Ok(())
}

/// A name as SQL wants it.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
