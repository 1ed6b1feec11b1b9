//! The ways by which sources are heard: each word comes by an edge, and while all edges of a source are away it cannot be heard.
//! That is an outage of ours and not the source's, whether the edge was cut off from us or switched off.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::StoreError;
use super::sources::Outage;

/// A source comes by an edge.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Way {
    /// The source's id.
    pub source: String,
    /// The edge's name.
    pub edge: String,
    /// Since when.
    pub since: DateTime<Utc>,
}

/// The first words of these sources that came by an edge were received at `since`; what is known already stays.
pub async fn opened(
    connection: &mut PgConnection,
    edge: &str,
    sources: &[String],
    since: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO source_edge (source, edge, since) SELECT source, $1, $3 FROM UNNEST($2::text[]) AS source
         ON CONFLICT (source, edge) DO UPDATE SET since = excluded.since WHERE excluded.since < source_edge.since",
    )
    .bind(edge)
    .bind(sources)
    .bind(since)
    .execute(connection)
    .await?;
    Ok(())
}

/// Every way, by source, the first first.
pub async fn ways(connection: &mut PgConnection) -> Result<Vec<Way>, StoreError> {
    let rows =
        sqlx::query_as("SELECT source, edge, since FROM source_edge ORDER BY source, since, edge");
    Ok(rows.fetch_all(connection).await?)
}

/// When each of these sources could not be heard because all of its edges were away, at or after `since`: as outages of the source.
pub async fn cut_off(
    connection: &mut PgConnection,
    sources: &[String],
    since: DateTime<Utc>,
) -> Result<Vec<Outage>, StoreError> {
    let mut ways = ways(&mut *connection).await?;
    ways.retain(|way| sources.contains(&way.source));
    let edges: Vec<&str> = ways.iter().map(|way| way.edge.as_str()).collect();
    // The first connection of an edge is recorded as an outage that ends as it begins.
    let outages = sqlx::query_as(
        "SELECT what, subject, since, until FROM outage
         WHERE what = 'edge' AND subject = ANY($1) AND until IS DISTINCT FROM since AND (until IS NULL OR until >= $2)
         ORDER BY since",
    );
    let outages = outages
        .bind(edges)
        .bind(since)
        .fetch_all(connection)
        .await?;
    Ok(of_sources(&ways, &outages))
}

/// As [`cut_off`], of all sources and for ever, as far as it lasted an hour, or lasts.
pub async fn long_cut_off(connection: &mut PgConnection) -> Result<Vec<Outage>, StoreError> {
    let ways = ways(&mut *connection).await?;
    let outages = sqlx::query_as(
        "SELECT what, subject, since, until FROM outage
         WHERE what = 'edge' AND (until IS NULL OR until - since >= interval '1 hour') ORDER BY since",
    );
    Ok(of_sources(&ways, &outages.fetch_all(connection).await?))
}

/// From when to when.
type Span = (DateTime<Utc>, DateTime<Utc>);

/// The outages of sources that follow from those of their edges, by source.
fn of_sources(ways: &[Way], outages: &[Outage]) -> Vec<Outage> {
    let mut all = Vec::new();
    for ways in ways.chunk_by(|one, other| one.source == other.source) {
        let Some((first, others)) = ways.split_first() else {
            continue;
        };
        let mut cut = away(&first.edge, outages);
        for way in others {
            // Before the source was first heard by it, it was none of its ways.
            let mut spans = vec![(DateTime::<Utc>::MIN_UTC, way.since)];
            let since_then = |(since, until): Span| (since.max(way.since), until);
            spans.extend(away(&way.edge, outages).into_iter().map(since_then));
            cut = common(&cut, &spans);
        }
        all.extend(cut.into_iter().map(|(since, until)| Outage {
            what: "source".to_owned(),
            subject: first.source.clone(),
            since,
            until: Some(until).filter(|&until| until < DateTime::<Utc>::MAX_UTC),
        }));
    }
    all
}

/// When an edge was away.
fn away(edge: &str, outages: &[Outage]) -> Vec<Span> {
    let of_edge = outages.iter().filter(|outage| outage.subject == edge);
    let end = |outage: &Outage| outage.until.unwrap_or(DateTime::<Utc>::MAX_UTC);
    of_edge.map(|outage| (outage.since, end(outage))).collect()
}

/// What lies in a span of both.
fn common(one: &[Span], other: &[Span]) -> Vec<Span> {
    let pairs = one
        .iter()
        .flat_map(|a| other.iter().map(move |b| (a.0.max(b.0), a.1.min(b.1))));
    pairs.filter(|(from, to)| from < to).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(hour: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(hour * 3600, 0).unwrap()
    }

    fn way(source: &str, edge: &str, since: i64) -> Way {
        Way {
            source: source.into(),
            edge: edge.into(),
            since: at(since),
        }
    }

    fn outage(subject: &str, since: i64, until: Option<i64>) -> Outage {
        Outage {
            what: "edge".into(),
            subject: subject.into(),
            since: at(since),
            until: until.map(at),
        }
    }

    /// `source since until` in hours.
    fn cut(ways: &[Way], outages: &[Outage]) -> Vec<String> {
        let hours = |at: DateTime<Utc>| at.timestamp() / 3600;
        of_sources(ways, outages)
            .iter()
            .map(|it| {
                let until = it
                    .until
                    .map_or("-".into(), |until| hours(until).to_string());
                format!("{} {} {until}", it.subject, hours(it.since))
            })
            .collect()
    }

    #[test]
    fn a_source_is_cut_off_while_all_of_its_edges_are_away() {
        let outages = [
            outage("E1", 10, Some(20)),
            outage("E2", 15, Some(30)),
            outage("E1", 40, None),
        ];
        let (one, two) = (way("//a", "E1", 0), way("//a", "E2", 0));
        assert_eq!(
            cut(std::slice::from_ref(&one), &outages),
            ["//a 10 20", "//a 40 -"]
        );
        assert_eq!(cut(&[one.clone(), two], &outages), ["//a 15 20"]);
        // Another way was found only when the first was gone: until then there was none.
        let found = way("//a", "E2", 17);
        assert_eq!(cut(&[one, found], &outages), ["//a 10 17", "//a 17 20"]);
        let apart = [way("//a", "E2", 0), way("//b", "E3", 0)];
        assert_eq!(cut(&apart, &outages), ["//a 15 30"]);
    }
}
